/** A real Debian image, from a real registry, to root file systems that the kernel mounts and real runtimes enter. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { command } from '../support/command.ts'
import { type Davit, davitOn } from '../support/davit.ts'
import { assertSameTree, dumpTree, type TreeNode } from '../support/tree.ts'
import { buildDebianImage, tag } from './debian-image.ts'
import { type RealRegistry, startDockerRegistry } from './docker-registry.ts'
import { runInside } from './runtime.ts'

const scratch = mkdtempSync(join(tmpdir(), 'davit-real-'))
const at = (...names: readonly string[]) => join(scratch, ...names)
const images = process.env['DAVIT_TEST_IMAGES'] ?? at('images')

interface Pulled {
  readonly digest: string
  readonly chainId: string
  readonly snapshotter: string
  readonly layers: readonly { readonly digest: string; readonly diffId: string }[]
  readonly bytes: { readonly fetched: number; readonly reused: number }
}

describe('a Debian image', () => {
  let registry: RealRegistry
  let layout: string
  let name: string
  let expected: readonly TreeNode[]

  before(async () => {
    layout = buildDebianImage(images)
    registry = await startDockerRegistry(at('registry'))
    name = `${registry.host}/test/debian:${tag}`
    registry.push(`oci:${layout}:${tag}`, `test/debian:${tag}`)
    registry.push(`oci:${layout}:${tag}`, 'test/debian:docker', '--format', 'v2s2')
    registry.push(`oci:${layout}:${tag}`, 'test/debian:zstd', '--dest-compress-format', 'zstd')
    command('umoci', 'unpack', '--image', `${layout}:${tag}`, at('umoci'))
    expected = dumpTree(at('umoci/rootfs'))
    assert(expected.length > 3000, 'umoci unpacked a whole Debian')
  })

  after(async () => {
    await registry.stop()
    rmSync(scratch, { recursive: true, force: true })
  })

  /** Mounts what `davit` pulled, looks, and unmounts. */
  function mounted<T>(davit: Davit, reference: string, look: (root: string) => T): T {
    const target = mkdtempSync(at('mount-'))
    davit.run('mount', reference, target)
    try {
      return look(target)
    } finally {
      davit.run('umount', target)
    }
  }

  for (const snapshotter of ['erofs', 'overlayfs', 'native']) {
    test(`${snapshotter}: the mounted tree is what umoci unpacks`, () => {
      const davit = davitOn(at(snapshotter))
      const line = davit.run('pull', '--snapshotter', snapshotter, name)
      assert.match(line, new RegExp(`^${name}@sha256:[0-9a-f]{64}\n$`))
      assertSameTree(mounted(davit, name, dumpTree), expected)
    })

    for (const runtime of ['crun', 'runc'] as const) {
      test(`${snapshotter}: ${runtime} runs programs from it`, () => {
        const script = '. /etc/os-release; echo "$PRETTY_NAME"; /bin/through-a-link; stat -c %a:%u:%g /odd/setuid'
        const said = mounted(davitOn(at(snapshotter)), name, root => runInside(runtime, root, script))
        assert.deepEqual(said.trim().split('\n'), ['Debian GNU/Linux 12 (bookworm)', 'linked', '6755:1234567:7654321'])
      })
    }

    test(`${snapshotter}: a second pull asks once and fetches nothing`, async () => {
      await registry.requests()
      const davit = davitOn(at(snapshotter))
      const { bytes } = davit.json<Pulled>('pull', '--snapshotter', snapshotter, '--json', name)
      assert.equal(bytes.fetched, 0)
      assert.deepEqual(await registry.requests(), [`HEAD /v2/test/debian/manifests/${tag}`])
    })
  }

  test('unpack: the directory is what umoci unpacks', () => {
    davitOn(at('unpack')).run('unpack', name, at('unpacked'))
    assertSameTree(dumpTree(at('unpacked')), expected)
  })

  test('zstd and Docker manifests give the same tree', () => {
    const davit = davitOn(at('others'))
    for (const other of ['zstd', 'docker']) {
      const reference = `${registry.host}/test/debian:${other}`
      davit.run('pull', '--snapshotter', 'overlayfs', reference)
      assertSameTree(mounted(davit, reference, dumpTree), expected)
    }
  })

  test('pull by digest names the same image as by tag', () => {
    const davit = davitOn(at('overlayfs'))
    const byTag = davit.json<Pulled>('pull', '--snapshotter', 'overlayfs', '--json', name)
    const byDigest = davit.json<Pulled>(
      'pull',
      '--snapshotter',
      'overlayfs',
      '--json',
      `${registry.host}/test/debian@${byTag.digest}`,
    )
    assert.equal(byDigest.chainId, byTag.chainId)
    assert.equal(byTag.layers.length, 3)
  })

  test('mount --rw takes changes and leaves the image as it was', () => {
    const davit = davitOn(at('overlayfs'))
    mkdirSync(at('writable'))
    davit.run('mount', '--rw', name, at('writable'))
    command('sh', '-c', `rm -rf ${at('writable/usr/share')} && echo changed > ${at('writable/etc/hostname')}`)
    davit.run('umount', at('writable'))
    assertSameTree(mounted(davit, name, dumpTree), expected)
  })

  test('skopeo reads the store in place', () => {
    const copy = at('copy')
    command('skopeo', 'copy', '--quiet', `oci:${at('overlayfs')}:${name}`, `oci:${copy}:it`)
    const [one, other] = [`oci:${layout}:${tag}`, `oci:${copy}:it`].map(image =>
      command('skopeo', 'inspect', '--raw', image),
    )
    assert.equal(other, one)
  })

  test('images rm and gc leave nothing of the image', () => {
    const davit = davitOn(at('others'))
    for (const other of ['zstd', 'docker']) davit.run('images', 'rm', `${registry.host}/test/debian:${other}`)
    davit.run('gc')
    assert.equal(davit.run('content', 'ls', '--json').trim(), '[]')
    assert.equal(davit.run('snapshots', 'ls', '--json').trim(), '[]')
  })
})
