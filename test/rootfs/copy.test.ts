import assert from 'node:assert/strict'
import {
  chmodSync,
  closeSync,
  constants,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { constants as osConstants } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { copyTree } from '../../src/rootfs/copy.ts'
import type { Loss } from '../../src/rootfs/copy-attributes.ts'
import { inlineWorkers } from '../../src/system/inline.ts'
import { AT_FDCWD, S_IFBLK, S_IFCHR, S_IFIFO } from '../../src/system/sys/constants.ts'
import { systemError } from '../../src/system/sys/errno.ts'
import { openSys } from '../../src/system/sys/linux.ts'
import { asRoot, makeScratch } from '../conformance/scratch.ts'

const sys = openSys()
const scratch = makeScratch('copy')
const bytes = (text: string) => Buffer.from(text)

/** Every entry of a tree with all that a copy must keep; names in hex, for they are bytes. */
function describeTree(root: string): readonly unknown[] {
  const inodes = new Map<number, number>()
  const found: unknown[] = []
  function describe(path: Buffer, name: string): void {
    const { ino, dev: _, nlink, ...stat } = sys.stat(AT_FDCWD, path)
    const isDirectory = (stat.mode & constants.S_IFMT) === constants.S_IFDIR
    const isFile = (stat.mode & constants.S_IFMT) === constants.S_IFREG
    const isLink = (stat.mode & constants.S_IFMT) === constants.S_IFLNK
    if (!inodes.has(ino)) inodes.set(ino, inodes.size)
    found.push({
      name,
      inode: inodes.get(ino),
      ...stat,
      size: isDirectory ? 0 : stat.size,
      nlink: isDirectory ? 0 : nlink,
      xattrs: [...sys.lgetxattrs(path)].sort(),
      content: isFile ? readFileSync(path) : isLink ? readlinkSync(path, 'buffer') : undefined,
    })
    if (!isDirectory) return
    const children = readdirSync(path, { encoding: 'buffer' }).sort(Buffer.compare)
    for (const child of children) {
      describe(Buffer.concat([path, bytes('/'), child]), `${name}/${child.toString('hex')}`)
    }
  }
  describe(bytes(root), '')
  return found
}

test('copyTree() keeps all there is', { skip: asRoot ? false : 'owners and devices need root' }, async () => {
  const [source, target] = [join(scratch, 'source'), join(scratch, 'target')]
  mkdirSync(join(source, 'directory/deep'), { recursive: true })
  mkdirSync(target)
  writeFileSync(join(source, 'file'), 'content')
  writeFileSync(join(source, 'directory/one'), 'linked')
  linkSync(join(source, 'directory/one'), join(source, 'directory/deep/two'))
  linkSync(join(source, 'directory/one'), join(source, 'three'))
  symlinkSync('/etc/passwd', join(source, 'absolute'))
  symlinkSync('nowhere', join(source, 'dangling'))
  linkSync(join(source, 'dangling'), join(source, 'dangling too'))
  const fd = openSync(source, constants.O_RDONLY)
  sys.mknodat(fd, bytes('character'), S_IFCHR | 0o620, 5, 1)
  sys.mknodat(fd, bytes('block'), S_IFBLK | 0o660, 259, 70_000)
  sys.mknodat(fd, bytes('fifo'), S_IFIFO | 0o644, 0, 0)
  sys.close(sys.openat(fd, Buffer.from([0x66, 0xff, 0x0a]), constants.O_CREAT | constants.O_WRONLY, 0o600))
  sys.fchownat(fd, bytes('file'), 3_000_000_000, 70_000)
  sys.fchownat(fd, bytes('dangling'), 7, 8)
  chmodSync(join(source, 'file'), 0o4751)
  chmodSync(join(source, 'directory'), 0o3510)
  const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')
  sys.lsetxattr(bytes(join(source, 'file')), bytes('security.capability'), capability)
  sys.lsetxattr(bytes(join(source, 'directory')), bytes('user.note'), Buffer.from([0, 255, 0]))
  sys.lsetxattr(bytes(join(source, 'directory')), bytes('trusted.other'), bytes('x'))
  for (const [name, seconds] of [
    ['directory/deep', 5],
    ['directory', -77],
    ['file', 1_700_000_000],
    ['dangling', 2 ** 33],
    ['.', 12],
  ] as const) {
    sys.utimensat(fd, bytes(name), seconds, 987_654_321)
  }
  closeSync(fd)

  await inlineWorkers().run(copyTree, { source, target }).result
  assert.deepEqual(describeTree(target), describeTree(source))
})

test('copyTree() leaves an overlay state behind', { skip: asRoot ? false : 'trusted.* needs root' }, async () => {
  const [source, target] = [join(scratch, 'overlay'), join(scratch, 'plain')]
  for (const path of [source, target]) mkdirSync(path)
  sys.lsetxattr(bytes(source), bytes('trusted.overlay.opaque'), bytes('y'))
  sys.lsetxattr(bytes(source), bytes('user.overlay.opaque'), bytes('y'))
  await inlineWorkers().run(copyTree, { source, target }).result
  assert.deepEqual(sys.lgetxattrs(bytes(target)), new Map())
})

test('copyTree() says once a kind what an ordinary user loses, and copies the rest', async () => {
  const [source, target] = [join(scratch, 'privileged'), join(scratch, 'ordinary')]
  for (const path of [source, target]) mkdirSync(path)
  for (const name of ['one', 'two']) writeFileSync(join(source, name), name)
  const fd = openSync(source, constants.O_RDONLY)
  for (const name of ['fifo', 'another']) sys.mknodat(fd, bytes(name), S_IFIFO | 0o644, 0, 0)
  closeSync(fd)
  const { mknodat, fchownat, stat } = sys
  const { geteuid } = process
  // Root can't be refused; so the kernel's answers to an ordinary user are played.
  const refuse = (syscall: string) => () => {
    throw systemError(osConstants.errno.EPERM, syscall)
  }
  process.geteuid = () => 1000
  sys.mknodat = refuse('mknodat')
  sys.fchownat = refuse('fchownat')
  sys.stat = (dirfd, path) => ({ ...stat(dirfd, path), uid: dirfd === AT_FDCWD ? 1000 : 0 })
  const losses: Loss[] = []
  try {
    await inlineWorkers().run(copyTree, { source, target }, { onMessage: loss => losses.push(loss) }).result
  } finally {
    Object.assign(sys, { mknodat, fchownat, stat })
    Object.assign(process, { geteuid })
  }
  assert.deepEqual(losses.sort(), ['devices', 'owners'])
  assert.deepEqual(readdirSync(target).sort(), ['one', 'two'])
})

test('copyTree() stops when it is told to', async () => {
  const [source, target] = [join(scratch, 'many'), join(scratch, 'few')]
  for (const path of [source, target]) mkdirSync(path)
  for (let n = 0; n < 1000; n++) writeFileSync(join(source, `${n}`), '')
  const abort = new AbortController()
  const { result } = inlineWorkers().run(copyTree, { source, target }, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await assert.rejects(result, { message: 'enough' })
  assert(readdirSync(target).length < 1000)
  assert(lstatSync(target).isDirectory())
})
