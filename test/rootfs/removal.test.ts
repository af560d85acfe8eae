import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, openSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mountAll, unmount } from '../../src/rootfs/mounts.ts'
import { removeTree } from '../../src/rootfs/removal.ts'
import { inlineWorkers } from '../../src/system/inline.ts'
import { O_CREAT, O_DIRECTORY, O_RDONLY, O_WRONLY } from '../../src/system/sys/constants.ts'
import { openSys } from '../../src/system/sys/linux.ts'
import { makeScratch, needsRoot } from '../conformance/scratch.ts'

const sys = openSys()
const scratch = makeScratch('removal')
const remove = (path: string) => inlineWorkers().run(removeTree, path).result

test('removeTree() removes closed directories, odd names and links, not what links lead to', async () => {
  const root = join(scratch, 'tree')
  const outside = join(scratch, 'outside')
  mkdirSync(join(root, 'closed/within'), { recursive: true })
  mkdirSync(outside)
  writeFileSync(join(outside, 'file'), '')
  writeFileSync(join(root, 'closed/within/file'), '')
  symlinkSync(outside, join(root, 'link'))
  const fd = openSync(root, O_RDONLY | O_DIRECTORY)
  sys.close(sys.openat(fd, Buffer.from([0xff, 0x0a, 0x20]), O_CREAT | O_WRONLY, 0o000))
  for (const name of ['closed/within', 'closed']) chmodSync(join(root, name), 0o000)
  await remove(root)
  assert(!existsSync(root))
  assert.deepEqual(readdirSync(outside), ['file'])
})

test('removeTree() goes deeper than a path can name', async () => {
  const root = join(scratch, 'deep')
  mkdirSync(root)
  const name = Buffer.alloc(250, 'd')
  let fd = openSync(root, O_RDONLY | O_DIRECTORY)
  for (let depth = 0; depth < 40; depth++) {
    sys.mkdirat(fd, name, 0o700)
    fd = sys.openat(fd, name, O_RDONLY | O_DIRECTORY)
  }
  await remove(root)
  assert(!existsSync(root))
})

test('removeTree() finds nothing to do where nothing is', async () => {
  await remove(join(scratch, 'absent'))
})

test('removeTree() never deletes through a mount', { skip: needsRoot }, async () => {
  const [root, precious] = [join(scratch, 'mounted'), join(scratch, 'precious')]
  mkdirSync(join(root, 'point'), { recursive: true })
  mkdirSync(precious)
  writeFileSync(join(precious, 'file'), '')
  mountAll([{ type: 'bind', source: precious, options: ['rw'] }], join(root, 'point'))
  await assert.rejects(remove(root), { code: 'IN_USE' })
  unmount(join(root, 'point'))
  assert.deepEqual(readdirSync(precious), ['file'])
  await remove(root)
})
