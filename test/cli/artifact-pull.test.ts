import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { reply, startRegistry, type TestRegistry } from '../support/registry.ts'
import { davit, putSample, putSampleIndex } from './davit.ts'

const scratch = makeScratch('cli-artifact')
const artifactType = 'application/vnd.example.report'
let registry: TestRegistry
let runs = 0

before(async () => {
  registry = await startRegistry()
})
after(() => registry.close())

function putArtifact(tag: string, files: Readonly<Record<string, string>>): string {
  const layers = Object.entries(files).map(([title, content]) => ({
    ...registry.putBlob(content, 'text/plain'),
    annotations: { 'org.opencontainers.image.title': title },
  }))
  const config = registry.putBlob('{}', mediaTypes.ociEmpty)
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, artifactType, config, layers }
  return registry.putManifest(document, { tags: [tag] }).digest
}

async function pull(tag: string, ...words: string[]) {
  const [root, dir] = [`${scratch}/root`, `${scratch}/${runs++}`]
  return { dir, ...(await davit(['artifact', 'pull', ...words, `${registry.host}/a:${tag}`, dir], { root })) }
}

test('artifact pull writes files by their titles, and prints their paths', async () => {
  putArtifact('files', { 'report.txt': 'all well', 'more/deep/one': '', 'more/two': '2' })
  const { dir, status, stdout, stderr } = await pull('files')
  assert.equal(status, 0, stderr)
  assert.equal(stdout, `${dir}/report.txt\n${dir}/more/deep/one\n${dir}/more/two\n`)
  const read = stdout
    .trim()
    .split('\n')
    .map(path => readFileSync(path, 'utf8'))
  assert.deepEqual(read, ['all well', '', '2'])
  assert.equal(statSync(`${dir}/report.txt`).mode & 0o7777, 0o644)
})

test('artifact pull --json says what it is, and a second one fetches no file', async () => {
  const digest = putArtifact('json', { file: 'something' })
  await pull('json')
  registry.received.length = 0
  const { dir, stdout } = await pull('json', '--json')
  const { files, ...rest } = JSON.parse(stdout)
  assert.deepEqual(rest, { ref: `${registry.host}/a:json`, digest, type: artifactType })
  assert.deepEqual([files[0].path, files[0].size], [`${dir}/file`, 9])
  assert.deepEqual(
    registry.received.map(({ method }) => method),
    ['HEAD'],
  )
})

test('artifact pull refuses a title that leads out, before a file is fetched: exit 7', async () => {
  putArtifact('unsafe', { '../out': 'gotcha' })
  registry.received.length = 0
  const { dir, status } = await pull('unsafe')
  assert.equal(status, 7)
  assert.deepEqual([existsSync(dir), existsSync(`${scratch}/out`)], [false, false])
  assert.equal(
    registry.received.some(({ url }) => url.includes('/blobs/')),
    false,
  )
})

test('artifact pull of bytes that are others leaves no directory: exit 7', async () => {
  putArtifact('wrong', { good: 'good', bad: 'honest' })
  const { digest } = registry.putBlob('honest')
  registry.on(digest, reply(200, { 'content-length': '6' }, 'forged'))
  const { dir, status, stdout } = await pull('wrong')
  assert.deepEqual([status, stdout, existsSync(dir)], [7, '', false])
})

test('artifact pull refuses a directory that has something in it', async () => {
  putArtifact('busy', { link: 'x' })
  const dir = `${scratch}/busy`
  mkdirSync(dir)
  symlinkSync('/nowhere', `${dir}/link`)
  const { status } = await davit(['artifact', 'pull', `${registry.host}/a:busy`, dir], { root: `${scratch}/root` })
  assert.notEqual(status, 0)
  assert.deepEqual(readdirSync(dir), ['link'])
})

test('artifact pull of an image or an index, and pull of an artifact, say what to do: exit 8', async () => {
  putSample(registry, { tags: ['image'] })
  putSampleIndex(registry, 'index')
  putArtifact('one', { file: 'x' })
  const image = await pull('image')
  assert.equal(image.status, 8)
  assert.match(image.stderr, /davit pull, if it is an image/)
  assert.equal((await pull('index')).status, 8)
  const other = await davit(['pull', `${registry.host}/a:one`], { root: `${scratch}/root` })
  assert.equal(other.status, 8)
  assert.match(other.stderr, /artifact of type application\/vnd\.example\.report.*davit artifact pull REF DIR/)
})
