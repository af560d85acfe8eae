import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { blobPath } from '../../src/archive/oci-layout.ts'
import { type Digest, digestOf } from '../../src/spec/digest.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { directory, file, symlink } from '../rootfs/extract/stack.ts'
import {
  directoryWith,
  imageName,
  layoutWith,
  type Members,
  named,
  refName,
  savedByDocker,
  tarWith,
} from '../support/archives.ts'
import { amd64, buildImage, buildIndex } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { arm64, davit, main, type Outcome } from './davit.ts'

const scratch = makeScratch('cli-import')
const layer = tarOf([directory('etc'), file('etc/motd', 'hello'), symlink('sh', 'etc/motd')])
const image = buildImage({ layers: [layer] })
const { digest } = image.target
const layout = layoutWith([image], [named(image, { ...refName('1'), ...imageName('docker.io/library/a:1') })])
let made = 0

function fresh(): string {
  return `${scratch}/${made++}`
}

function saved(bytes: Uint8Array): string {
  const path = fresh()
  writeFileSync(path, bytes)
  return path
}

function run(root: string, ...words: string[]): Promise<Outcome> {
  return davit(words, { root })
}

/** Into `root`, for amd64 unless `words` say otherwise. */
function importInto(root: string, ...words: string[]): Promise<Outcome> {
  const platform = words.includes('--platform') ? [] : ['--platform', 'linux/amd64']
  return run(root, 'import', '--progress', 'quiet', ...platform, '--snapshotter', 'erofs', ...words)
}

function says({ status, stdout, stderr }: Outcome, ...lines: readonly string[]): void {
  assert.deepEqual(
    { status, stdout, stderr },
    { status: 0, stdout: lines.map(line => `${line}\n`).join(''), stderr: '' },
  )
}

test('import takes an image out of a layout as it is, and records it under its name', async () => {
  const root = fresh()
  says(await importInto(root, `oci:${directoryWith(fresh(), layout)}`), `docker.io/library/a:1@${digest}`)
  const { stdout } = await run(root, 'cat', 'a:1', '/sh')
  assert.equal(stdout, 'hello')
})

test('import names an image as it is told, and brings nothing twice', async () => {
  const root = fresh()
  const path = saved(tarWith(layout))
  says(await importInto(root, path, 'b.example/x:2'), `b.example/x:2@${digest}`)
  const { stdout } = await importInto(root, '--json', `oci-archive:${path}:1`, 'c:3')
  const { ref, bytes, host } = JSON.parse(stdout) as { ref: string; bytes: { fetched: number }; host?: string }
  assert.deepEqual([ref, bytes.fetched, host], ['docker.io/library/c:3', 0, undefined])
})

test('import reads stdin, and records each name of an archive for Docker', async () => {
  const root = fresh()
  const path = saved(gzipSync(tarWith(savedByDocker({ 'x/layer.tar': layer }, [digestOf(layer)]))))
  const words = `--root ${root} import --progress quiet --platform linux/amd64 --snapshotter erofs -`
  const piped = spawnSync('sh', ['-c', `cat ${path} | ${process.execPath} ${main} ${words}`], { encoding: 'utf8' })
  const [first = '', second = '', ...rest] = piped.stdout.split('\n')
  assert.match(first, /^docker\.io\/library\/a:1@sha256:/)
  assert.equal(second, first.replace('docker.io/library/a:1', 'b.example/c:2'))
  assert.deepEqual([piped.status, piped.stderr, rest], [0, '', ['']])
})

test('import notes no repository as the source of what it brings: a digest alone is asked for at its registry', async () => {
  const root = fresh()
  await importInto(root, directoryWith(fresh(), layout), '127.0.0.1:1/x:1')
  const { status } = await run(root, 'pull', '--progress', 'quiet', `127.0.0.1:1/x@${digest}`)
  assert.equal(status, 5)
})

test('import takes every platform that a layout has, or the one that is asked for', async () => {
  const forArm = buildImage({ layers: [layer], platform: arm64 })
  const index = buildIndex([
    [image, amd64],
    [forArm, arm64],
  ])
  const path = directoryWith(fresh(), layoutWith([index], [named(index, refName('m:1'))]))
  const line = `docker.io/library/m:1@${index.target.digest}`
  says(await importInto(fresh(), '--platform', 'all', path), line, line)
  const { stdout } = await importInto(fresh(), '--platform', 'linux/arm64', '--json', path)
  assert.equal((JSON.parse(stdout) as { manifest: string }).manifest, forArm.target.digest)
})

test('import makes an image of a tar of files, for the platform that it is told, the same each time', async () => {
  const root = fresh()
  const path = saved(gzipSync(layer))
  const first = await importInto(root, '--platform', 'linux/arm64', '--json', `tar:${path}`, 'files:1')
  const found = JSON.parse(first.stdout) as { digest: string; platform: string; layers: { digest: string }[] }
  assert.equal(found.platform, 'linux/arm64')
  assert.equal(found.layers[0]?.digest, digestOf(readFileSync(path)))
  const again = await importInto(root, '--platform', 'linux/arm64', path, 'files:2')
  says(again, `docker.io/library/files:2@${found.digest}`)
  assert.equal((await run(root, 'cat', '--platform', 'linux/arm64', 'files:1', '/etc/motd')).stdout, 'hello')
})

test('import leaves an image without a whole name to be named: exit 2, and says what there is', async () => {
  const path = directoryWith(fresh(), layoutWith([image], [named(image, refName('1'))]))
  const { status, stderr } = await importInto(fresh(), path)
  assert.equal(status, 2)
  assert.match(stderr, /no whole name for 1.*davit import SRC REF/)
  says(await importInto(fresh(), `oci:${path}:1`, 'x:1'), `docker.io/library/x:1@${digest}`)
})

/** Its entry of the layer, which is the last of its blobs but two. */
const blob = [...image.blobs.keys()].find(name => name !== digest && !`${image.blobs.get(name)}`.startsWith('{'))
const blobName = blobPath(blob ?? digest)
const docker = (layers: Members, diffIds: readonly Digest[] = [digestOf(layer)]) => savedByDocker(layers, diffIds)
const loop = { 'a/layer.tar': { link: '../b/layer.tar' }, 'b/layer.tar': { link: '../a/layer.tar' } }

/** What is wrong, and the exit status. */
const archives: Readonly<Record<string, readonly [Members | Uint8Array, number, RegExp]>> = {
  'other bytes than the digest says': [{ ...layout, [blobName]: flipped(layout[blobName]) }, 7, /hashes to/],
  'a blob that is too short': [{ ...layout, [blobName]: 'x' }, 7, /has 1 bytes of it/],
  'a blob that is missing': [without(blobName), 3, /is not in/],
  'no oci-layout': [without('oci-layout'), 3, /no oci-layout/],
  'a layout of another version': [{ ...layout, 'oci-layout': '{"imageLayoutVersion":"2.0.0"}' }, 7, /version/],
  'a list that is none': [{ ...layout, 'index.json': '[]' }, 7, /Cannot read index/],
  'a list of more than 4 MiB': [{ ...layout, 'index.json': ' '.repeat(2 ** 22 + 1) }, 7, /it has more than 4 MiB/],
  'a list behind a link that leads out': [
    { ...layout, 'index.json': { link: '../../../../etc/passwd' } },
    3,
    /index\.json/,
  ],
  'a list for Docker of another shape': [{ 'manifest.json': '[{"Layers":[]}]' }, 7, /Config is missing/],
  'a config outside of the archive': [{ 'manifest.json': '[{"Config":"/etc/passwd","Layers":[]}]' }, 3, /has no/],
  'layers that link to each other': [docker(loop, [digestOf(layer), digestOf(layer)]), 7, /has no a\/layer\.tar/],
  'a layer that links out of the archive': [docker({ 'a/layer.tar': { link: '/etc/passwd' } }), 7, /has no a\/layer/],
  'a layer of another diff ID': [docker({ 'a/layer.tar': layer }, [digestOf('')]), 7, /hashes to/],
  'more layers than the config has': [docker({ 'a/layer.tar': layer, 'b/layer.tar': layer }), 7, /2 layers/],
  'a member that comes twice': [Buffer.concat([tarWith(layout).subarray(0, -1024), tarWith(layout)]), 7, /comes twice/],
  'a tar that is cut off in data': [tarWith(layout).subarray(0, 1000), 7, /cut off/],
  'no archive of any kind': [
    Buffer.from('#!/bin/sh\n'.repeat(100)),
    7,
    /Cannot read \S+ as oci-archive, docker-archive or tar: it is text, no tar \(give what docker save/,
  ],
  'an empty file': [Buffer.alloc(0), 7, /as oci-archive, docker-archive or tar: it is empty/],
  'a zip archive': [Buffer.from('PK\x03\x04'.repeat(200)), 7, /it is a zip archive, no tar/],
  'what is packed and no archive': [gzipSync('text\n'.repeat(200)), 7, /what gzip packed in it is text, no tar/],
  'nothing, packed': [gzipSync(''), 7, /what gzip packed in it is empty/],
  'what only begins as gzip does': [
    Buffer.from([0x1f, 0x8b, 8, ...Buffer.from('not so')]),
    7,
    /its gzip stream is damaged/,
  ],
  'a compression that there is none for': [Buffer.from('\xfd7zXZ\0\0', 'latin1'), 8, /xz -dc/],
}

function without(name: string): Members {
  return Object.fromEntries(Object.entries(layout).filter(([key]) => key !== name))
}

function flipped(content: Members[string] | undefined): Uint8Array {
  assert(content instanceof Uint8Array)
  const bytes = Buffer.from(content)
  // The time in its gzip header: it unpacks to the same.
  bytes[4] = (bytes[4] ?? 0) ^ 1
  return bytes
}

for (const [what, [content, status, message]] of Object.entries(archives)) {
  test(`import refuses ${what}: exit ${status}, and nothing is visible`, async () => {
    const root = fresh()
    const path = saved(content instanceof Uint8Array ? content : tarWith(content))
    const outcome = await importInto(root, formatted(content, path), 'x:1')
    assert.deepEqual([outcome.status, outcome.stdout], [status, ''], outcome.stderr)
    assert.match(outcome.stderr, /^davit: [^\n\x00-\x1f]+\n$/)
    assert.match(outcome.stderr, message)
    assert.deepEqual(readdirSync(`${root}/images`), [])
  })
}

/** As what it is to be read, where its bytes wouldn't say. */
function formatted(content: Members | Uint8Array, path: string): string {
  if (content instanceof Uint8Array) return path
  return 'manifest.json' in content ? `docker-archive:${path}` : `oci-archive:${path}`
}

test('import says what a directory lacks that is no layout, and what to do with it', async () => {
  const files = await importInto(fresh(), directoryWith(fresh(), { 'etc/motd': 'hello' }))
  assert.equal(files.status, 3)
  assert.match(
    files.stderr,
    /as an OCI layout: there is no oci-layout \(.*tar -C \S+ -c \. \| davit import tar:- REF\)\n$/,
  )
  const unpacked = await importInto(fresh(), directoryWith(fresh(), docker({ 'x/layer.tar': layer })))
  assert.match(unpacked.stderr, /what docker save wrote, unpacked \(.*davit import docker-archive:-\)\n$/)
  const tar = await importInto(fresh(), `tar:${saved(gzipSync('text\n'.repeat(200)))}`, 'x:1')
  assert.match(tar.stderr, /as tar: what gzip packed in it is text/)
})

test('import follows no link out of a directory, and opens nothing that blocks', async () => {
  const outside = saved(Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
  const linked = directoryWith(fresh(), { ...layout, 'oci-layout': { link: outside } })
  assert.equal((await importInto(fresh(), linked)).status, 3)
  const piped = directoryWith(fresh(), without('oci-layout'))
  assert.equal(spawnSync('mkfifo', [`${piped}/oci-layout`]).status, 0)
  const { status, stderr } = await importInto(fresh(), piped)
  assert.equal(status, 7)
  assert.match(stderr, /it is no file/)
})

test('import leaves nothing of what it had to unpack', async () => {
  const root = fresh()
  await importInto(root, saved(gzipSync(tarWith(layout))))
  assert.deepEqual(readdirSync(`${root}/trash`), [])
})
