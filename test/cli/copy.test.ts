import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { parseIndex } from '../../src/spec/index.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import type { Platform } from '../../src/spec/platform.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { amd64, type BuiltImage, buildImage, buildIndex } from '../support/image.ts'
import { platformImages } from '../support/platform-images.ts'
import { status } from '../support/wire/faults.ts'
import { startHost, type WireHost } from '../support/wire/host.ts'
import { partsOf } from '../support/wire/sample.ts'
import { davit, type Outcome } from './davit.ts'

const scratch = makeScratch('cli-copy')
const arm64: Platform = { os: 'linux', architecture: 'arm64' }
const riscv: Platform = { os: 'linux', architecture: 'riscv64' }
const images = platformImages([amd64, arm64, riscv])
const index = buildIndex(images)
const [[first], [second]] = images as unknown as readonly [readonly [BuiltImage], readonly [BuiltImage]]

let from: WireHost
let to: WireHost
let stores = 0

before(async () => {
  from = await startHost()
  to = await startHost()
  from.content.putImage(index, '1')
})
after(async () => {
  await from.close()
  await to.close()
})

const source = () => `${from.authority}/team/app:1`
const dest = (tag: string) => `${to.authority}/team/copy:${tag}`
const named = (tag: string, { target }: BuiltImage) => `${dest(tag)}@${target.digest}\n`
const newRoot = () => `${scratch}/store-${stores++}`

async function run(root: string, ...words: readonly string[]): Promise<Outcome> {
  const outcome = await davit(words, { root })
  assert.equal(outcome.status, 0, outcome.stderr)
  return outcome
}

const pull = (root: string, ...platforms: readonly string[]) =>
  run(root, 'pull', '--snapshotter', 'none', ...platforms.flatMap(text => ['--platform', text]), source())

test('copy prints what is there then', async () => {
  to.content.forget()
  const { stdout, stderr } = await run(newRoot(), 'copy', source(), dest('whole'))
  assert.equal(stdout, named('whole', index))
  assert.match(stderr, /^\S+: (copying .*\n\S+: )?done in .* copied\n$/)
  assert.deepEqual(to.content.get('manifests', 'whole'), index.blobs.get(index.target.digest))
})

test('copy --json says which bytes moved, and a second one that none did', async () => {
  to.content.forget()
  const words = ['copy', '--json', '--progress', 'json', source(), dest('json')]
  const size = [...index.blobs.values()].reduce((total, { length }) => total + length, 0)
  const { target } = index
  const about = { ref: dest('json'), digest: target.digest, mediaType: target.mediaType }
  const once = await run(newRoot(), ...words)
  assert.deepEqual(JSON.parse(once.stdout), { ...about, bytes: { copied: size, mounted: 0, existing: 0 } })
  for (const line of once.stderr.trim().split('\n')) assert.equal(JSON.parse(line).v, 1)
  const again = await run(newRoot(), ...words)
  assert.deepEqual(JSON.parse(again.stdout).bytes, { copied: 0, mounted: 0, existing: target.size })
})

test('copy --platform copies that image alone', async () => {
  to.content.forget()
  const { stdout } = await run(newRoot(), 'copy', '--platform', 'linux/arm64', source(), dest('arm'))
  assert.equal(stdout, named('arm', second))
  assert.equal(to.content.get('manifests', first.target.digest), undefined)
})

test('copy within a registry mounts', async () => {
  const beside = `${from.authority}/team/beside:1`
  from.content.forget()
  for (const [digest, bytes] of first.blobs) {
    if (digest === first.target.digest) from.content.put('manifests', digest, bytes, first.target.mediaType)
    else from.content.offer(bytes)
  }
  // Every repository has the manifest: the tag alone tells whether it is there.
  from.on(/^HEAD \S+beside\/manifests/, status(404))
  const { stdout } = await run(newRoot(), 'copy', '--json', `${from.authority}/team/app@${first.target.digest}`, beside)
  from.mend()
  from.content.putImage(index, '1')
  const { config, layers } = partsOf(first)
  const mounted = [config, ...layers].reduce((total, { size }) => total + size, 0)
  assert.deepEqual(JSON.parse(stdout).bytes, { copied: first.target.size, mounted, existing: 0 })
})

test('copy --referrers brings what refers to it', async () => {
  to.content.forget()
  const signature = buildImage({
    layers: [Buffer.from('signed')],
    layerType: 'text/plain',
    manifest: manifest => ({ ...manifest, artifactType: 'application/vnd.example', subject: index.target }),
  })
  const list = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [signature.target] }
  from.content.putImage(signature, signature.target.digest)
  const tag = index.target.digest.replace(':', '-')
  from.content.put('manifests', tag, Buffer.from(JSON.stringify(list)), mediaTypes.ociIndex)
  await run(newRoot(), 'copy', source(), dest('without'))
  assert.equal(to.content.get('manifests', signature.target.digest), undefined)
  await run(newRoot(), 'copy', '--referrers', source(), dest('with'))
  const { stdout } = await run(newRoot(), 'referrers', '--json', dest('with'))
  const { referrers } = JSON.parse(stdout) as { referrers: { digest: string; artifactType: string }[] }
  assert.deepEqual(
    referrers.map(({ digest, artifactType }) => [digest, artifactType]),
    [[signature.target.digest, 'application/vnd.example']],
  )
})

test('copy refuses a destination of another digest', async () => {
  const wrong = `${to.authority}/team/copy@${first.target.digest}`
  const { status: exit, stderr } = await davit(['copy', source(), wrong], { root: newRoot() })
  assert.equal(exit, 2)
  assert.match(stderr, /the image has the digest sha256:/)
})

test('copy takes an image out of oci:DIR', async () => {
  to.content.forget()
  const root = newRoot()
  await pull(root, 'linux/amd64')
  await run(root, 'export', '--platform', 'linux/amd64', '--format', 'oci', source(), `${root}-layout`)
  const { stdout } = await run(newRoot(), 'copy', `oci:${root}-layout:1`, dest('layout'))
  assert.equal(stdout, named('layout', first))
})

for (const format of ['oci', 'oci-archive']) {
  test(`copy to ${format} and back keeps digests`, async () => {
    to.content.forget()
    const place = `${format}:${scratch}/${format}`
    const there = await run(newRoot(), 'copy', source(), place)
    assert.equal(there.stdout, `${place}:1@${index.target.digest}\n`)
    const back = await run(newRoot(), 'copy', place, dest('back'))
    assert.equal(back.stdout, named('back', index))
  })
}

test('copy to docker-archive takes one image, and prints the digest that it has there', async () => {
  const path = `${scratch}/docker-archive`
  const words = ['--platform', 'linux/arm64', source(), `docker-archive:${path}`]
  const { stdout } = await run(newRoot(), 'copy', ...words)
  const pulled = await run(newRoot(), 'pull', '--platform', 'linux/arm64', '--json', `docker-archive:${path}`)
  const { ref, digest, config } = JSON.parse(pulled.stdout) as { ref: string; digest: string; config: string }
  assert.equal(stdout, `docker-archive:${path}:${source()}@${digest}\n`)
  assert.deepEqual([ref, config], [source(), partsOf(second).config.digest])
  const other = await run(newRoot(), 'copy', '--json', ...words.slice(0, -1), `docker-archive:${path}:x:2`)
  assert.deepEqual(JSON.parse(other.stdout).ref, `docker-archive:${path}:docker.io/library/x:2`)
})

test('copy refuses formats that can’t be written so', async () => {
  const { status: exit, stderr } = await davit(['copy', source(), `tar:${scratch}/x`], { root: newRoot() })
  assert.equal(exit, 2)
  assert.match(stderr, /davit export --format tar/)
})

test('push brings the whole index when all of it is here', async () => {
  to.content.forget()
  const root = newRoot()
  await pull(root, 'all')
  const { stdout, stderr } = await run(root, 'push', source(), dest('all'))
  assert.equal(stdout, named('all', index))
  assert.doesNotMatch(stderr, /not here/)
})

test('push brings the one image that is here, and says so', async () => {
  to.content.forget()
  const root = newRoot()
  await pull(root, 'linux/arm64')
  const { stdout, stderr } = await run(root, 'push', source(), dest('one'))
  assert.equal(stdout, named('one', second))
  assert.match(stderr, /linux\/arm64 goes alone, without the index: 2 more images of the index are not here/)
})

test('push brings those that are here in a new index, and says so', async () => {
  to.content.forget()
  const root = newRoot()
  await pull(root, 'linux/amd64', 'linux/arm64')
  const { stdout, stderr } = await run(root, 'push', source(), dest('two'))
  const bytes = to.content.get('manifests', 'two') ?? new Uint8Array()
  const digests = parseIndex(bytes).manifests.map(({ digest }) => digest)
  assert.deepEqual(digests, [first.target.digest, second.target.digest])
  assert.match(stdout, /:two@sha256:/)
  assert.match(stderr, /in a new index: 1 more image of the index is not here/)
})

test('push --platform brings that image', async () => {
  to.content.forget()
  const root = newRoot()
  await pull(root, 'all')
  const { stdout } = await run(root, 'push', '--platform', 'linux/amd64', source(), dest('amd'))
  assert.equal(stdout, named('amd', first))
})

test('push without another name goes where the image is from', async () => {
  const root = newRoot()
  await pull(root, 'linux/amd64')
  await run(root, 'images', 'tag', source(), dest('tagged'))
  to.content.forget()
  const { stdout } = await run(root, 'push', dest('tagged'))
  assert.equal(stdout, named('tagged', first))
})

test('push of what isn’t here makes no store, nor does a copy between registries', async () => {
  to.content.forget()
  const root = newRoot()
  const { status: exit } = await davit(['push', source(), dest('none')], { root })
  assert.equal(exit, 3)
  await run(root, 'copy', source(), dest('some'))
  assert.equal(existsSync(root), false)
})

test('push refuses in one line when a layer is missing here', async () => {
  to.content.forget()
  const root = newRoot()
  await pull(root, 'linux/amd64')
  const [{ digest }] = partsOf(first).layers
  rmSync(`${root}/blobs/${digest.replace(':', '/')}`)
  const { status: exit, stderr } = await davit(['push', source(), dest('missing')], { root })
  assert.equal(exit, 3)
  assert.match(stderr, /a layer is missing here/)
  assert.equal(stderr.trim().split('\n').length, 1, stderr)
  assert.equal(to.content.get('manifests', 'missing'), undefined)
})
