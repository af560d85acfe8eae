/** Images on their way between real registries: what other tools find there afterwards. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { beside, command } from '../support/command.ts'
import { davitOn, mainOfDavit } from '../support/davit.ts'
import { type Link, startLink } from '../support/wire/link.ts'
import { buildBusyboxImage } from './busybox-image.ts'
import { type RealRegistry, startDockerRegistry } from './docker-registry.ts'
import { startTokenServer } from './token-server.ts'

const scratch = mkdtempSync(join(tmpdir(), 'davit-copy-'))
const at = (...names: readonly string[]) => join(scratch, ...names)

interface Copied {
  readonly digest: string
  readonly bytes: { readonly copied: number; readonly mounted: number; readonly existing: number }
}

/** As skopeo sees an image: its digest is of the bytes that are there. */
interface Seen {
  readonly Digest: string
  readonly Layers: readonly string[]
}

function seen(name: string): Seen {
  return JSON.parse(command('skopeo', 'inspect', '--tls-verify=false', `docker://${name}`))
}

describe('copy and push between docker-registries', () => {
  const davit = davitOn(at('store'))
  let one: RealRegistry
  let two: RealRegistry
  let layout: string
  let source: string

  before(async () => {
    layout = buildBusyboxImage(scratch)
    one = await startDockerRegistry(at('one'))
    two = await startDockerRegistry(at('two'))
    for (const tag of ['bob', 'root']) one.push(`oci:${layout}:${tag}`, `test/busybox:${tag}`)
    source = `${one.host}/test/busybox:bob`
  })
  after(async () => {
    await one.stop()
    await two.stop()
    rmSync(scratch, { recursive: true, force: true })
  })

  test('copy: skopeo finds the same digests, and a second one asks once', async () => {
    const name = `${two.host}/a/busybox:1`
    const { digest, bytes } = davit.json<Copied>('copy', '--json', source, name)
    assert.deepEqual(seen(name), { ...seen(source), ...about(name) })
    assert.equal(digest, seen(source).Digest)
    assert.ok(bytes.copied > 500_000 && bytes.existing + bytes.mounted === 0)
    await two.requests()
    davit.run('copy', source, name)
    assert.deepEqual(await two.requests(), ['HEAD /v2/a/busybox/manifests/1'])
  })

  test('copy: within a registry everything is mounted', async () => {
    const name = `${one.host}/b/busybox:1`
    await one.requests()
    const { bytes } = davit.json<Copied>('copy', '--json', source, name)
    assert.equal(bytes.copied, sizeOfManifest(source))
    const asked = await one.requests()
    assert.ok(asked.some(line => /^POST \/v2\/b\/busybox\/blobs\/uploads\/\?mount=.*from=test%2Fbusybox/.test(line)))
    assert.ok(!asked.some(line => line.startsWith('PATCH')), asked.join('\n'))
    assert.equal(seen(name).Digest, seen(source).Digest)
  })

  test('copy: an index comes whole, byte for byte', async () => {
    const entries = ['bob', 'root'].map((tag, place) => {
      const { Digest: digest } = seen(`${one.host}/test/busybox:${tag}`)
      const size = sizeOfManifest(`${one.host}/test/busybox:${tag}`)
      const platform = { os: 'linux', architecture: place === 0 ? 'amd64' : 'arm64' }
      return { mediaType: mediaTypes.ociManifest, digest, size, platform }
    })
    const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: entries })
    const put = await fetch(`http://${one.host}/v2/test/busybox/manifests/both`, {
      method: 'PUT',
      headers: { 'content-type': mediaTypes.ociIndex },
      body: index,
    })
    assert.equal(put.status, 201)
    const name = `${two.host}/c/busybox:both`
    davit.run('copy', `${one.host}/test/busybox:both`, name)
    assert.equal(command('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}`), index)
    command('skopeo', 'copy', '--all', '--quiet', '--src-tls-verify=false', `docker://${name}`, `oci:${at('all')}:it`)
  })

  test('push: what was pulled is what skopeo finds', () => {
    const name = `${two.host}/d/busybox:1`
    davit.run('pull', '--snapshotter', 'none', source)
    const { digest } = davit.json<Copied>('push', '--json', source, name)
    assert.equal(digest, seen(source).Digest)
    assert.deepEqual(seen(name).Layers, seen(source).Layers)
  })

  for (const format of ['oci', 'oci-archive']) {
    test(`copy: skopeo finds the same digests in ${format}`, () => {
      davit.run('copy', source, `${format}:${at(format)}:it`)
      const found = JSON.parse(command('skopeo', 'inspect', `${format}:${at(format)}:it`)) as Seen
      assert.deepEqual([found.Digest, found.Layers], [seen(source).Digest, seen(source).Layers])
    })
  }

  test('copy: out of a layout', () => {
    const name = `${two.host}/e/busybox:1`
    davit.run('copy', `oci:${layout}:bob`, name)
    assert.deepEqual(seen(name).Layers, seen(`${one.host}/test/busybox:bob`).Layers)
  })

  test('copy: a connection that breaks in the middle of a layer', async t => {
    const layer = at('noise')
    writeFileSync(layer, randomBytes(8 * 1024 * 1024))
    command('tar', '-C', scratch, '-cf', at('noise.tar'), 'noise')
    command('umoci', 'new', '--image', `${layout}:noise`)
    command('umoci', 'raw', 'add-layer', '--image', `${layout}:noise`, at('noise.tar'))
    const link: Link = await startLink(two.host, () => (link.broken > 0 ? {} : { cutAfterBytes: 2 * 1024 * 1024 }))
    t.after(() => link.close())
    const words = ['--root', at('store'), 'copy', `oci:${layout}:noise`, `${link.authority}/f/noise:1`]
    const { status, stderr } = await beside(process.execPath, [mainOfDavit, ...words])
    assert.equal(status, 0, stderr)
    assert.ok(link.broken > 0)
    const name = `${two.host}/f/noise:1`
    command('skopeo', 'copy', '--quiet', '--src-tls-verify=false', `docker://${name}`, `oci:${at('noise-back')}:it`)
  })

  test('push: with a token that is asked for', async t => {
    const tokens = await startTokenServer({ ada: 'pa:ss' })
    writeFileSync(at('tokens.pem'), tokens.authority)
    const { realm, service, issuer } = tokens
    const section = `{token: {realm: "${realm}", service: ${service}, issuer: ${issuer}, rootcertbundle: ${at('tokens.pem')}}}`
    const guarded = await startDockerRegistry(at('three'), { auth: section })
    t.after(() => Promise.all([guarded.stop(), tokens.close()]))
    const auth = Buffer.from('ada:pa:ss').toString('base64')
    const docker = mkdtempSync(at('docker-'))
    writeFileSync(join(docker, 'config.json'), JSON.stringify({ auths: { [guarded.host]: { auth } } }))
    const run = (...words: readonly string[]) =>
      beside(process.execPath, [mainOfDavit, '--root', at('store'), ...words, '--allow-host', tokens.host], {
        ...process.env,
        DOCKER_CONFIG: docker,
        REGISTRY_AUTH_FILE: '',
      })
    const first = await run('copy', source, `${guarded.host}/team/app:1`)
    assert.equal(first.status, 0, first.stderr)
    const second = await run('copy', '--json', `${guarded.host}/team/app:1`, `${guarded.host}/team/other:1`)
    assert.equal(second.status, 0, second.stderr)
    assert.ok((JSON.parse(second.stdout) as Copied).bytes.mounted > 0)
    const scopes = tokens.issued.map(([scope]) => scope)
    assert.ok(scopes.includes('repository:team/app:pull,push'))
    assert.ok(scopes.includes('repository:team/app:pull repository:team/other:pull,push'), scopes.join('\n'))
  })
})

function sizeOfManifest(name: string): number {
  return command('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${name}`).length
}

/** What skopeo says of the place, not of the image. */
function about(name: string) {
  const { Name, RepoTags } = seen(name) as unknown as { readonly Name: string; readonly RepoTags: readonly string[] }
  return { Name, RepoTags }
}
