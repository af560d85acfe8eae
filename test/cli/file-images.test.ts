import assert from 'node:assert/strict'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { digestOf } from '../../src/spec/digest.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { directory, file } from '../rootfs/extract/stack.ts'
import { directoryWith, imageName, layoutWith, named, refName, savedByDocker, tarWith } from '../support/archives.ts'
import { amd64, buildImage, buildIndex } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { startHost } from '../support/wire/host.ts'
import { arm64, davit, type Outcome } from './davit.ts'

const scratch = makeScratch('cli-file-images')
const layer = tarOf([directory('etc'), file('etc/motd', 'hello')])
const image = buildImage({ layers: [layer] })
const other = buildImage({ layers: [layer], platform: arm64 })
const { digest } = image.target
let made = 0

const fresh = () => `${scratch}/${made++}`

async function ok(root: string, ...words: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await davit(words, { root })
  assert.equal(status, 0, stderr)
  return stdout
}

/** For amd64 unless `words` say otherwise. */
function pull(root: string, ...words: readonly string[]): Promise<Outcome> {
  const platform = words.includes('--platform') ? [] : ['--platform', 'linux/amd64']
  return davit(['pull', '--progress', 'quiet', '--snapshotter', 'erofs', ...platform, ...words], { root })
}

async function assertPulls(words: readonly string[], ...lines: readonly string[]): Promise<string> {
  const root = fresh()
  const { status, stdout, stderr } = await pull(root, ...words)
  assert.deepEqual(
    { status, stdout, stderr },
    { status: 0, stdout: lines.map(line => `${line}\n`).join(''), stderr: '' },
  )
  return root
}

test('pull takes an image out of oci:DIR:TAG, verified and unpacked as another, under the name of the directory', async () => {
  const path = directoryWith(`${fresh()}-My_App`, layoutWith([image], [named(image, refName('3.22'))]))
  const name = `localhost/${path.slice(scratch.length + 1).toLowerCase()}:3.22`
  const root = await assertPulls([`oci:${path}:3.22`], `${name}@${digest}`)
  rmSync(path, { recursive: true })
  assert.equal(await ok(root, 'cat', '--platform', 'linux/amd64', name, '/etc/motd'), 'hello')
  const [record] = JSON.parse(await ok(root, 'images', 'ls', '--json')) as { ref: string; chainId: string }[]
  assert.deepEqual([record?.ref, record?.chainId], [name, digestOf(layer)])
})

test('pull calls an image as a layout or an archive calls it', async () => {
  const whole = named(image, { ...refName('1'), ...imageName('docker.io/library/a:1') })
  const layout = layoutWith([image], [whole])
  const line = `docker.io/library/a:1@${digest}`
  await assertPulls([`oci:${directoryWith(fresh(), layout)}`], line)
  const file = fresh()
  writeFileSync(file, gzipSync(tarWith(layout)))
  await assertPulls([`oci-archive:${file}:a:1`], line)
  const saved = fresh()
  writeFileSync(saved, tarWith(savedByDocker({ 'x/layer.tar': layer }, [digestOf(layer)])))
  const { status, stdout } = await pull(fresh(), `docker-archive:${saved}`)
  assert.equal(status, 0)
  assert.match(stdout, /^docker\.io\/library\/a:1@sha256:\w+\nb\.example\/c:2@sha256:\w+\n$/)
})

test('pull calls an image without a tag latest when it is alone, and by its digest among others', async () => {
  const [one, two] = [`${scratch}/one`, `${scratch}/two`]
  directoryWith(one, layoutWith([image], [named(image, {})]))
  directoryWith(two, layoutWith([image, other], [named(image, refName('a:b:c')), named(other, refName('not here'))]))
  await assertPulls([`oci:${one}`], `localhost/one:latest@${digest}`)
  await assertPulls([`oci:${two}:${digest}`], `localhost/two@${digest}`)
  const files = `${scratch}/Root FS.tar.gz`
  writeFileSync(files, gzipSync(layer))
  const { stdout } = await pull(fresh(), `tar:${files}`)
  assert.match(stdout, /^localhost\/root-fs:latest@sha256:\w+\n$/)
})

test('pull takes places in the order in which they stand, each for every platform', async () => {
  const index = buildIndex([
    [image, amd64],
    [other, arm64],
  ])
  const path = `${scratch}/all`
  directoryWith(path, layoutWith([index], [named(index, refName('2'))]))
  const registry = await startHost()
  try {
    registry.content.putImage(index, '1')
    const name = `${registry.authority}/team/app:1`
    const here = `${name}@${index.target.digest}`
    const there = `localhost/all:2@${index.target.digest}`
    await assertPulls(['--platform', 'all', name, `oci:${path}:2`], here, here, there, there)
  } finally {
    await registry.close()
  }
})

test('pull --pull missing finds what came out of a file without reading its blobs', async () => {
  const path = `${scratch}/gone`
  directoryWith(path, layoutWith([image], [named(image, refName('1'))]))
  const root = await assertPulls([`oci:${path}:1`], `localhost/gone:1@${digest}`)
  renameSync(`${path}/blobs`, `${path}/elsewhere`)
  assert.equal((await pull(root, '--pull', 'missing', 'localhost/gone:1')).stdout, `localhost/gone:1@${digest}\n`)
})

test('pull fails as import does on what is no image, and has nothing to show then', async () => {
  const bytes = Buffer.from(layoutWith([image], [])[`blobs/sha256/${digest.slice(7)}`] as Uint8Array)
  bytes[10] = 0
  const members = { ...layoutWith([image], [named(image, refName('1'))]), [`blobs/sha256/${digest.slice(7)}`]: bytes }
  const root = fresh()
  const { status, stdout, stderr } = await pull(root, `oci:${directoryWith(fresh(), members)}:1`)
  assert.deepEqual([status, stdout], [7, ''])
  assert.match(stderr, /^davit: [^\n]*hashes to[^\n]*\n$/)
  const absent = await pull(root, `oci:${scratch}/absent`)
  assert.equal(absent.status, 3)
  assert.match(absent.stderr, /there is no such file/)
  assert.equal(JSON.parse(await ok(root, 'images', 'ls', '--json')).length, 0)
})
