import assert from 'node:assert/strict'
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { resetBaseDirectory } from '../../src/rootfs/base-directory.ts'
import { openSys } from '../../src/system/sys/linux.ts'
import { makeScratch } from '../conformance/scratch.ts'

/** u::rwx u:1000:rwx g::r-x m::rwx o::r-x, as posix_acl_xattr.h has it. */
const acl = Buffer.from(
  '0200000001000700ffffffff02000700e803000004000500ffffffff10000700ffffffff20000500ffffffff',
  'hex',
)

test('resetBaseDirectory() takes away what the directory above hands down', () => {
  const base = makeScratch('base')
  const sys = openSys()
  sys.lsetxattr(Buffer.from(base), Buffer.from('system.posix_acl_default'), acl)
  const path = join(base, 'root')
  mkdirSync(path)
  assert.equal(sys.lgetxattrs(Buffer.from(path)).size, 2)
  resetBaseDirectory(path)
  assert.equal(sys.lgetxattrs(Buffer.from(path)).size, 0)
  assert.equal(statSync(path).mode & 0o7777, 0o755)
})
