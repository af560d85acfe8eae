import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { blobPath } from '../../src/archive/oci-layout.ts'
import { parseIndex } from '../../src/spec/index.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { amd64, type BuiltImage, buildIndex } from '../support/image.ts'
import { platformImages } from '../support/platform-images.ts'
import { readTar } from '../support/tar.ts'
import { startHost, type WireHost } from '../support/wire/host.ts'
import { arm64, davit, type Outcome } from './davit.ts'

const scratch = makeScratch('cli-local-root')
const root = `${scratch}/store`
const riscv = { os: 'linux', architecture: 'riscv64' }
const images = platformImages([amd64, arm64, riscv])
const index = buildIndex(images)
const [[first], [second]] = images as unknown as readonly [readonly [BuiltImage], readonly [BuiltImage]]
let host: WireHost
let made = 0

before(async () => {
  host = await startHost()
  host.content.putImage(index, '1')
  const { status, stderr } = await davit(
    ['pull', '--progress', 'quiet', '--snapshotter', 'none', '--platform', 'all', name()],
    { root },
  )
  assert.equal(status, 0, stderr)
})
after(() => host.close())

const name = () => `${host.authority}/team/app:1`
const fresh = () => `${scratch}/${made++}`

function exportTo(path: string, format: string, ...platforms: readonly string[]): Promise<Outcome> {
  const words = platforms.flatMap(platform => ['--platform', platform])
  return davit(['export', '--format', format, ...words, name(), path], { root })
}

function rootOf(bytes: Uint8Array) {
  const { manifests } = parseIndex(bytes)
  assert.equal(manifests.length, 1)
  return manifests[0]
}

test('export --platform all writes the index as it was, with all that it leads to', async () => {
  const path = fresh()
  assert.deepEqual(await exportTo(path, 'oci', 'all'), { status: 0, stdout: '', stderr: '' })
  assert.equal(rootOf(readFileSync(`${path}/index.json`))?.digest, index.target.digest)
  for (const [digest, bytes] of index.blobs) {
    assert.deepEqual(readFileSync(`${path}/${blobPath(digest)}`), Buffer.from(bytes))
  }
  const [archive, again] = [fresh(), fresh()]
  await exportTo(archive, 'oci-archive', 'all')
  await exportTo(again, 'oci-archive', 'linux/riscv64', 'linux/arm64', 'linux/amd64')
  const members = readTar(readFileSync(archive)).map(({ path }) => path.toString())
  assert.deepEqual(members.length, index.blobs.size + 2)
  assert.equal(rootOf(readTar(readFileSync(again))[1]?.data ?? Buffer.alloc(0))?.digest, index.target.digest)
})

test('export of some platforms writes a new index of them, and says so', async () => {
  const path = fresh()
  const { status, stderr } = await exportTo(path, 'oci', 'linux/amd64', 'linux/arm64')
  assert.equal(status, 0)
  assert.match(stderr, /linux\/amd64, linux\/arm64 goes in a new index: 1 more image of the index is left out/)
  const target = rootOf(readFileSync(`${path}/index.json`))
  assert(target !== undefined)
  const { manifests } = parseIndex(readFileSync(`${path}/${blobPath(target.digest)}`), target.mediaType)
  assert.deepEqual(
    manifests.map(({ digest, platform }) => [digest, platform]),
    [
      [first.target.digest, amd64],
      [second.target.digest, arm64],
    ],
  )
  const { stdout } = await davit(['pull', '--progress', 'quiet', '--platform', 'all', `oci:${path}:1`], {
    root: fresh(),
  })
  assert.equal(stdout, `${name()}@${target.digest}\n`.repeat(2))
})

test('export --platform all of the one image that is here says what is missing', async () => {
  const [own, path] = [fresh(), fresh()]
  await davit(['pull', '--progress', 'quiet', '--snapshotter', 'none', '--platform', 'linux/arm64', name()], {
    root: own,
  })
  const words = ['export', '--format', 'oci', '--platform', 'all', name(), path]
  const { stderr } = await davit(words, { root: own })
  assert.match(stderr, /linux\/arm64 goes alone, without the index: 2 more images of the index are not here/)
  assert.equal(rootOf(readFileSync(`${path}/index.json`))?.digest, second.target.digest)
})

test('export refuses several platforms where there is room for one image: exit 2', async () => {
  for (const platforms of [['all'], ['linux/amd64', 'linux/arm64']]) {
    const { status, stderr } = await exportTo(fresh(), 'docker-archive', ...platforms)
    assert.equal(status, 2)
    assert.match(stderr, /docker-archive has room for one image/)
  }
  assert.equal((await exportTo(fresh(), 'oci', 'linux/*')).status, 2)
})
