import assert from 'node:assert/strict'
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { LOCK_EX, LOCK_NB, S_IFCHR, S_IFMT } from '../../../src/system/sys/constants.ts'
import { openSys } from '../../../src/system/sys/linux.ts'

const sys = openSys()
const scratch = mkdtempSync(join(tmpdir(), 'davit-sys-'))
after(() => rmSync(scratch, { recursive: true, force: true }))
const bytes = (text: string) => Buffer.from(text)
const root = openSync(scratch, constants.O_RDONLY)
after(() => closeSync(root))
const asRoot = process.getuid?.() === 0

test('openInRoot() resolves absolute and climbing links inside the root', () => {
  mkdirSync(join(scratch, 'etc'))
  writeFileSync(join(scratch, 'etc/passwd'), 'inside')
  symlinkSync('/etc/passwd', join(scratch, 'absolute'))
  symlinkSync('../../../../../etc/passwd', join(scratch, 'climbing'))
  for (const name of ['absolute', 'climbing', '/etc/passwd', '../etc/passwd']) {
    const fd = sys.openInRoot(root, bytes(name), constants.O_RDONLY)
    assert.equal(readFileSync(fd, 'utf8'), 'inside', name)
    sys.close(fd)
  }
})

test("openInRoot() follows no link of the kernel's own, as those to open files and working directories are", () => {
  const self = openSync('/proc/self', constants.O_RDONLY)
  try {
    for (const name of ['cwd', `fd/${root}`]) {
      assert.throws(() => sys.openInRoot(self, bytes(name), constants.O_RDONLY), { code: 'ELOOP' }, name)
    }
  } finally {
    closeSync(self)
  }
})

test('errors carry code, errno and syscall as Node does', () => {
  assert.throws(() => sys.openat(root, bytes('absent'), constants.O_RDONLY), {
    code: 'ENOENT',
    errno: -2,
    syscall: 'openat',
  })
  assert.throws(() => sys.mkdirat(root, Buffer.alloc(4096, 'a'), 0o700), { code: 'ENAMETOOLONG' })
})

test('names are bytes: two that differ only outside UTF-8 stay apart', () => {
  for (const byte of [0xfe, 0xff]) {
    const fd = sys.openat(
      root,
      Buffer.from([0x66, byte]),
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
      0o600,
    )
    sys.close(fd)
  }
})

test('utimensat() keeps nanoseconds and times before 1970', () => {
  writeFileSync(join(scratch, 'time'), '')
  sys.utimensat(root, bytes('time'), -5, 123_456_789)
  const { seconds, nanoseconds } = sys.stat(root, bytes('time'))
  assert.deepEqual({ seconds, nanoseconds }, { seconds: -5, nanoseconds: 123_456_789 })
})

test('xattrs come back as they were set, NULs included', () => {
  writeFileSync(join(scratch, 'attr'), '')
  const path = bytes(join(scratch, 'attr'))
  sys.lsetxattr(path, bytes('user.nul'), Buffer.from([0, 1, 0]))
  assert.deepEqual(sys.lgetxattrs(path), new Map([['user.nul', Buffer.from([0, 1, 0])]]))
})

test('mknodat() makes devices with wide numbers', { skip: asRoot ? false : 'needs CAP_MKNOD' }, () => {
  sys.mknodat(root, bytes('device'), S_IFCHR | 0o600, 0xfff, 0xfffff)
  const { mode, major, minor } = sys.stat(root, bytes('device'))
  assert.deepEqual([mode & S_IFMT, major, minor], [S_IFCHR, 0xfff, 0xfffff])
})

test('flock() says false when another descriptor holds the lock', () => {
  const [one, two] = [openSync(join(scratch, 'lock'), 'w'), openSync(join(scratch, 'lock'), 'w')]
  assert.equal(sys.flock(one, LOCK_EX | LOCK_NB), true)
  assert.equal(sys.flock(two, LOCK_EX | LOCK_NB), false)
  closeSync(one)
  assert.equal(sys.flock(two, LOCK_EX | LOCK_NB), true)
  closeSync(two)
})

test('mountWith() mounts a tmpfs that umount2() takes away', { skip: asRoot ? false : 'needs CAP_SYS_ADMIN' }, () => {
  const target = join(scratch, 'mounted')
  mkdirSync(target)
  sys.mountWith('tmpfs', [['size', '1m']], target)
  writeFileSync(join(target, 'file'), 'x')
  sys.umount2(target)
  assert.throws(() => readFileSync(join(target, 'file')), { code: 'ENOENT' })
  assert.throws(() => sys.mountWith('tmpfs', [['no_such_option', 'x']], target), { syscall: 'fsconfig' })
})
