import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { treeOf } from '../../../src/cli/demo/tree.ts'

test('treeOf() shows modes, sizes and links, and nothing that a terminal obeys', async () => {
  const root = await mkdtemp(join(tmpdir(), 'davit-tree-'))
  try {
    await mkdir(join(root, 'bin'))
    await chmod(join(root, 'bin'), 0o1777)
    await writeFile(join(root, 'bin', 'su'), 'setuid')
    await chmod(join(root, 'bin', 'su'), 0o4755)
    await writeFile(join(root, 'odd\x1b[2J'), '')
    await chmod(join(root, 'odd\x1b[2J'), 0o2640)
    await symlink('bin/su', join(root, 'zz'))
    const owner = `${process.getuid?.()}:${process.getgid?.()}`.padEnd(9)
    assert.deepEqual((await treeOf(root)).split('\n'), [
      `drwxrwxrwt  ${owner}           bin/`,
      `-rwsr-xr-x  ${owner}      6 B    su`,
      `-rw-r-S---  ${owner}      0 B  odd[2J`,
      `lrwxrwxrwx  ${owner}           zz -> bin/su`,
      '',
    ])
  } finally {
    await rm(root, { recursive: true, force: true })
  }
})
