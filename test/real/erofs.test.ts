/** How the kernel mounts an image of tars: from files, through loop devices, or not at all. Needs root. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, test } from 'node:test'
import { readMountTable } from '../../src/rootfs/mount-table.ts'
import { digestOf, hexOf } from '../../src/spec/digest.ts'
import { MNT_DETACH } from '../../src/system/sys/constants.ts'
import { openSys } from '../../src/system/sys/linux.ts'
import { type Outcome, davit as run } from '../cli/davit.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { directory, file, hardlink, type Item, symlink } from '../rootfs/extract/stack.ts'
import { amd64, buildImage } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { serveImage } from '../support/serve-image.ts'
import { assertSameTree, dumpTree, type TreeNode } from '../support/tree.ts'

const scratch = makeScratch('real-erofs')
const tars = [
  tarOf([directory('etc'), file('etc/motd', 'ahoy\n'.repeat(5000)), file('etc/old'), symlink('link', 'etc/motd')]),
  tarOf([{ path: 'etc/.wh.old' } satisfies Item, hardlink('hard', 'etc/motd'), file('new', 'n', { mode: 0o4755 })]),
]
let registry: TestRegistry
let name: string
let expected: readonly TreeNode[]
let root: string
let roots = 0

async function davit(...words: string[]): Promise<Outcome> {
  return run(words, { root })
}

async function ok(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await davit(...words)
  assert.equal(status, 0, stderr)
  return stdout
}

const pull = (...flags: string[]) => ok('pull', '--platform', 'linux/amd64', '--json', ...flags, name)
const newTarget = () => mkdtempSync(join(scratch, 'target-'))

/** Mounts the image, looks, and unmounts. */
async function mounted<T>(flags: readonly string[], look: (target: string) => T | Promise<T>): Promise<T> {
  const target = newTarget()
  await ok('mount', '--platform', 'linux/amd64', ...flags, name, target)
  try {
    return await look(target)
  } finally {
    await ok('umount', target)
  }
}

const typesOn = (target: string) =>
  readMountTable()
    .filter(({ point }) => point === target)
    .map(({ type }) => type)

/** Files of the store that loop devices show. */
function loops(): string[] {
  const devices = readdirSync('/sys/block').filter(one => one.startsWith('loop'))
  const files = devices.flatMap(one => {
    try {
      return [readFileSync(`/sys/block/${one}/loop/backing_file`, 'utf8').trimEnd()]
    } catch {
      return []
    }
  })
  return files.filter(one => one.startsWith(root))
}

before(async () => {
  registry = await startRegistry()
  serveImage(registry, buildImage({ layers: tars, platform: amd64 }), '1')
  name = `${registry.host}/a:1`
  root = `${scratch}/reference`
  await ok('unpack', '--platform', 'linux/amd64', name, `${scratch}/unpacked`)
  expected = dumpTree(`${scratch}/unpacked`)
})
after(() => registry.close())
beforeEach(() => {
  root = `${scratch}/${roots++}`
})

/** How this machine was found to mount from the store. */
const remembered = () => JSON.parse(readFileSync(join(root, 'snapshots/.erofs'), 'utf8'))

describe('where the kernel mounts files', () => {
  test('a view is one mount of files, without any loop device', async () => {
    assert.equal(JSON.parse(await pull()).snapshotter, 'erofs')
    assert.deepEqual(remembered(), { kernel: release(), how: 'file' })
    await mounted([], target => {
      assert.deepEqual([typesOn(target), loops()], [['erofs'], []])
      assertSameTree(dumpTree(target), expected)
      assert.throws(() => writeFileSync(join(target, 'new'), 'x'), { code: 'EROFS' })
    })
  })

  test('mount --rw takes changes, and leaves the image as it was', async () => {
    await pull()
    await mounted(['--rw'], target => {
      assert.deepEqual(typesOn(target), ['erofs', 'overlay'])
      assertSameTree(dumpTree(target), expected)
      writeFileSync(join(target, 'etc/motd'), 'changed')
      rmSync(join(target, 'hard'))
      mkdirSync(join(target, 'made'))
      assert.deepEqual(readdirSync(target).sort(), ['etc', 'link', 'made', 'new'])
      assert.equal(readFileSync(join(target, 'link'), 'utf8'), 'changed')
    })
    assert.equal(JSON.parse(await ok('snapshots', 'ls', '--json')).length, 1)
    await mounted([], target => assertSameTree(dumpTree(target), expected))
  })

  test('what is mounted stays whole, though the image is removed and collected', async () => {
    await pull('--discard-compressed')
    const target = newTarget()
    await ok('mount', '--platform', 'linux/amd64', name, target)
    await ok('images', 'rm', name)
    await ok('gc')
    const tarsLeft = tars.map(tar => hexOf(digestOf(tar))).sort()
    assert.deepEqual(readdirSync(join(root, 'blobs/sha256')).sort(), tarsLeft)
    assertSameTree(dumpTree(target), expected)
    await ok('umount', target)
    assert.match(await ok('gc'), /: 2 blobs, 1 snapshot,/)
    assert.deepEqual(readdirSync(join(root, 'blobs/sha256')), [])
    assert.deepEqual(readdirSync(join(root, 'indexes/sha256')), [])
  })

  test('what is mounted and forgotten by the store stays too', async () => {
    await pull()
    const target = newTarget()
    await ok('mount', '--platform', 'linux/amd64', name, target)
    const { key } = JSON.parse(await ok('snapshots', 'ls', '--json')).find(
      ({ kind }: { kind: string }) => kind === 'view',
    )
    assert.equal((await davit('snapshots', 'rm', key)).status, 0)
    await ok('images', 'rm', name)
    await ok('gc')
    assertSameTree(dumpTree(target), expected)
    openSys().umount2(target)
    await ok('gc')
    assert.deepEqual(readdirSync(join(root, 'blobs/sha256')), [])
  })
})

const others: Readonly<Record<string, () => void>> = {
  tmpfs: () => openSys().mount('tmpfs', root, 'tmpfs', 0, ''),
  overlay: () => {
    const [lower = '', upper = '', work = ''] = ['lower', 'upper', 'work'].map(one => `${root}-${one}`)
    for (const path of [lower, upper, work]) mkdirSync(path)
    openSys().mount('overlay', root, 'overlay', 0, `lowerdir=${lower},upperdir=${upper},workdir=${work}`)
  },
}
for (const [type, mountRoot] of Object.entries(others)) {
  describe(`where the store is on ${type}, which the kernel mounts no files from`, () => {
    beforeEach(() => {
      mkdirSync(root)
      mountRoot()
    })
    afterEach(() => openSys().umount2(root, MNT_DETACH))

    test('loop devices show the files, and go with the mount', async () => {
      assert.equal(JSON.parse(await pull()).snapshotter, 'erofs')
      assert.deepEqual(remembered(), { kernel: release(), how: 'loop' })
      await mounted([], target => {
        assert.deepEqual(typesOn(target), ['erofs'])
        assert.equal(loops().length, 1 + tars.length, loops().join('\n'))
        assertSameTree(dumpTree(target), expected)
      })
      if (type === 'tmpfs') {
        await mounted(['--rw'], target => {
          rmSync(join(target, 'etc'), { recursive: true })
          assert.deepEqual(readdirSync(target).sort(), ['hard', 'link', 'new'])
        })
      } else {
        // No overlay has its upper directory on another.
        const target = newTarget()
        const { status, stderr } = await davit('mount', '--platform', 'linux/amd64', '--rw', name, target)
        assert.equal(status, 8, stderr)
        assert.deepEqual(typesOn(target), [])
      }
      assert.deepEqual(loops(), [])
      await ok('images', 'rm', name)
      assert.match(await ok('gc'), /: 6 blobs, 1 snapshot,/)
    })
  })
}

describe('where the kernel mounts no EROFS at all', () => {
  /** As if it had been asked and had refused. */
  function refuse(): void {
    mkdirSync(join(root, 'snapshots'), { recursive: true })
    writeFileSync(join(root, 'snapshots/.erofs'), JSON.stringify({ kernel: release(), obstacle: 'ENODEV' }))
  }

  test('pull takes overlayfs and says why, as text and as JSON', async () => {
    await ok('images', 'ls')
    refuse()
    const text = await davit('pull', '--platform', 'linux/amd64', '--json', name)
    assert.equal(JSON.parse(text.stdout).snapshotter, 'overlayfs')
    assert.match(text.stderr, /overlayfs snapshots, for this kernel can't mount erofs from .*ENODEV/)
    const json = await davit('pull', '--platform', 'linux/amd64', '--progress', 'json', name)
    const events = json.stderr
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    assert.equal(events.filter(({ type, reference }) => type === 'warning' && reference === name).length, 1)
    await mounted([], target => assertSameTree(dumpTree(target), expected))
  })

  test('another kernel is asked anew', async () => {
    await ok('images', 'ls')
    mkdirSync(join(root, 'snapshots'), { recursive: true })
    writeFileSync(join(root, 'snapshots/.erofs'), JSON.stringify({ kernel: '4.18.0', obstacle: 'ENODEV' }))
    assert.equal(JSON.parse(await pull()).snapshotter, 'erofs')
    assert.deepEqual(remembered(), { kernel: release(), how: 'file' })
  })
})
