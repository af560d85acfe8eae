/** Schema 1 as distribution makes it of a real image, and serves it with signatures of its own. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { command } from '../support/command.ts'
import { davitOn } from '../support/davit.ts'
import { assertSameTree, dumpTree, type TreeNode } from '../support/tree.ts'
import { buildDebianImage, tag } from './debian-image.ts'
import { type RealRegistry, startDockerRegistry } from './docker-registry.ts'

const scratch = mkdtempSync(join(tmpdir(), 'davit-schema1-'))
const at = (...names: readonly string[]) => join(scratch, ...names)

interface Pulled {
  readonly digest: string
  readonly mediaType: string
  readonly layers: readonly { readonly digest: string }[]
}

describe('a Debian image of schema 1', () => {
  let registry: RealRegistry
  let name: string
  let digest: string
  let newer: Pulled
  let expected: readonly TreeNode[]

  before(async () => {
    const layout = buildDebianImage(process.env['DAVIT_TEST_IMAGES'] ?? at('images'))
    registry = await startDockerRegistry(at('registry'), { schema1: true })
    registry.push(`oci:${layout}:${tag}`, 'test/debian:new', '--format', 'v2s2')
    name = `${registry.host}/test/debian:old`
    digest = await storeAsSchema1(registry.host)
    command('umoci', 'unpack', '--image', `${layout}:${tag}`, at('umoci'))
    expected = dumpTree(at('umoci/rootfs'))
    newer = davitOn(at('newer')).json('pull', '--snapshotter', 'none', '--json', `${registry.host}/test/debian:new`)
  })

  after(async () => {
    await registry.stop()
    rmSync(scratch, { recursive: true, force: true })
  })

  for (const snapshotter of ['erofs', 'overlayfs', 'native']) {
    test(`${snapshotter}: the mounted tree is what umoci unpacks`, () => {
      const davit = davitOn(at(snapshotter))
      const pulled = davit.json<Pulled>('pull', '--snapshotter', snapshotter, '--json', name)
      assert.deepEqual([pulled.digest, pulled.mediaType], [digest, mediaTypes.dockerSchema1Signed])
      assert.deepEqual(digestsOf(pulled), digestsOf(newer))
      const target = mkdtempSync(at('mount-'))
      davit.run('mount', name, target)
      try {
        assertSameTree(dumpTree(target), expected)
      } finally {
        davit.run('umount', target)
      }
    })

    test(`${snapshotter}: gc takes nothing of it, and a second pull asks once`, async () => {
      const davit = davitOn(at(snapshotter))
      davit.run('gc')
      await registry.requests()
      davit.run('pull', '--snapshotter', snapshotter, name)
      assert.deepEqual(await registry.requests(), ['HEAD /v2/test/debian/manifests/old'])
    })
  }

  test('none: blobs alone, by digest as by tag', () => {
    const davit = davitOn(at('none'))
    const byDigest = `${registry.host}/test/debian@${digest}`
    for (const reference of [byDigest, name]) {
      const pulled = davit.json<Pulled>('pull', '--snapshotter', 'none', '--json', reference)
      assert.equal(pulled.digest, digest)
    }
  })

  test('unpack: the directory is what umoci unpacks', () => {
    davitOn(at('unpack')).run('unpack', name, at('unpacked'))
    assertSameTree(dumpTree(at('unpacked')), expected)
  })

  test('skopeo reads the store in place, with the layers as they were', () => {
    const said = command('skopeo', 'inspect', '--raw', `oci:${at('erofs')}:${name}`)
    const manifest = JSON.parse(said) as Pulled
    assert.equal(manifest.mediaType, mediaTypes.ociManifest)
    assert.deepEqual(digestsOf(manifest), digestsOf(newer))
  })

  test('copy brings it from repository to repository as it is, and says what to do for a layout', () => {
    const davit = davitOn(at('copying'))
    const copied = `${registry.host}/test/copied:old`
    assert.equal(davit.run('copy', '--progress', 'quiet', name, copied), `${copied}@${digest}\n`)
    assert.equal(davit.run('digest', copied), `${digest}\n`)
    const { status, stderr } = davit.attempt('copy', '--progress', 'quiet', name, `oci:${at('layout')}`)
    assert.equal(status, 8)
    assert.match(stderr, /schema version 1, which only registries take \(davit pull converts it/)
  })

  test('--no-schema1 refuses it', () => {
    const { status, stderr } = davitOn(at('refusing')).attempt('pull', '--no-schema1', name)
    assert.equal(status, 8)
    assert.match(stderr, /schema version 1/)
  })
})

function digestsOf({ layers }: Pick<Pulled, 'layers'>): readonly string[] {
  return layers.map(layer => layer.digest)
}

/** Lets the registry convert an image for an old client, and pushes that back as it came. Answers its digest. */
async function storeAsSchema1(host: string): Promise<string> {
  const url = (reference: string) => `http://${host}/v2/test/debian/manifests/${reference}`
  const type = mediaTypes.dockerSchema1Signed
  const old = await fetch(url('new'), { headers: { accept: type } })
  assert.equal(old.headers.get('content-type'), type)
  const stored = await fetch(url('old'), { method: 'PUT', headers: { 'content-type': type }, body: await old.text() })
  assert.equal(stored.status, 201)
  return stored.headers.get('docker-content-digest') ?? ''
}
