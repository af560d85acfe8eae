import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { O_DIRECTORY, O_RDONLY } from '../../../src/system/sys/constants.ts'
import { koffi } from '../../../src/system/sys/ffi.ts'
import { bindLibc } from '../../../src/system/sys/libc.ts'
import { bindSys } from '../../../src/system/sys/linux.ts'
import { makeScratch } from '../../conformance/scratch.ts'

const scratch = makeScratch('stepwise')
mkdirSync(join(scratch, 'a/b'), { recursive: true })
writeFileSync(join(scratch, 'a/b/f'), 'inside')
symlinkSync('a', join(scratch, 'link'))
symlinkSync('/etc', join(scratch, 'out'))

for (const [errno, why] of [
  [38, 'a kernel without openat2'],
  [1, 'a filter that forbids it'],
] as const) {
  const openat2 = () => {
    koffi.errno(errno)
    return -1
  }
  const sys = bindSys({ ...bindLibc(), openat2 })
  const root = sys.openat(-100, Buffer.from(scratch), O_RDONLY | O_DIRECTORY)
  const open = (path: string) => sys.openInRoot(root, Buffer.from(path), O_RDONLY)

  test(`${why}: openInRoot() opens name by name, through no link and never upwards`, () => {
    assert.equal(sys.hasOpenat2(), false)
    for (const path of ['a/b/f', '/a//b/f']) {
      const fd = open(path)
      assert.equal(readFileSync(fd, 'utf8'), 'inside')
      sys.close(fd)
    }
    for (const path of ['link/b/f', 'out/passwd']) assert.throws(() => open(path), { code: 'ENOTDIR' })
    assert.throws(() => open('out'), { code: 'ELOOP' })
    for (const path of ['..', '../x', 'a/../../etc']) assert.throws(() => open(path), { code: 'EINVAL' })
  })
}
