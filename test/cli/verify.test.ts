/** `davit verify`: everything that can be wrong with a store is found, and `--repair` brings only that again. */
import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { digestOf, hexOf } from '../../src/spec/digest.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { verifyStoreFiles } from '../support/verify-store.ts'
import { amd64, configOf, davit, firstLayer, type Outcome, putSampleIndex, secondLayer } from './davit.ts'

const scratch = makeScratch('cli-verify')
const layer = digestOf(gzipSync(firstLayer))
const config = digestOf(JSON.stringify(configOf(amd64, [firstLayer, secondLayer])))
const tar = digestOf(firstLayer)
let registry: TestRegistry
let index: Descriptor
let manifest: string
let name: string
let root: string
let roots = 0

before(async () => {
  registry = await startRegistry()
  index = putSampleIndex(registry, '1')
  name = `${registry.host}/a:1`
  for (const snapshotter of ['erofs', 'native', 'discard']) {
    root = join(scratch, snapshotter)
    const flags = snapshotter === 'discard' ? ['erofs', '--discard-compressed'] : [snapshotter]
    const pulled = await run('pull', '--platform', 'linux/amd64', '--json', '--snapshotter', ...flags, name)
    assert.equal(pulled.status, 0, pulled.stderr)
    manifest = JSON.parse(pulled.stdout).manifest
  }
})
after(() => registry.close())
beforeEach(() => {
  root = `${scratch}/${roots++}`
})

function run(...words: string[]): Promise<Outcome> {
  return davit(words, { root })
}

/** A copy of a store that was pulled, with links and modes as they are. */
function copyOf(snapshotter: string): void {
  cpSync(join(scratch, snapshotter), root, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
}

interface Report {
  readonly status: number | null
  readonly findings: readonly string[]
  readonly left: readonly string[]
  readonly stderr: string
}

async function verify(...words: string[]): Promise<Report> {
  const { status, stdout, stderr } = await run('verify', '--json', ...words)
  const { findings, left } = JSON.parse(stdout)
  const lines = (all: { problem: string; kind: string; name: string }[]) =>
    all.map(one => `${one.problem} ${one.kind} ${one.name.replace(`${root}/`, '')}`).toSorted()
  return { status, findings: lines(findings), left: lines(left), stderr }
}

const damages: Readonly<Record<string, (path: string) => void>> = {
  flipped: path => {
    const bytes = readFileSync(path)
    const at = Math.floor(bytes.length * 0.7)
    bytes[at] = (bytes[at] ?? 0) ^ 0x10
    chmodSync(path, 0o600)
    writeFileSync(path, bytes)
  },
  truncated: path => truncateSync(path, Math.floor(readFileSync(path).length / 2)),
  empty: path => truncateSync(path, 0),
  longer: path => appendFileSync(path, 'x'),
  missing: path => rmSync(path),
}

const blobPath = (digest: string) => join(root, 'blobs/sha256', digest.slice('sha256:'.length))
const onlyIn = (directory: string, file = /./) =>
  join(root, directory, readdirSync(join(root, directory)).find(one => file.test(one) && !one.startsWith('.')) ?? '')

test('verify finds nothing wrong with a store just pulled, and says what it has checked', async () => {
  for (const snapshotter of ['erofs', 'native', 'discard']) {
    root = join(scratch, snapshotter)
    const { status, stdout, stderr } = await run('verify')
    assert.deepEqual([status, stdout], [0, ''], stderr)
    assert.deepEqual(verifyStoreFiles(root, { clean: true }), [])
    assert.match(stderr, /^checked 1 image, \d blobs \([\d.]+ kB\), \d snapshots?\n$/)
  }
})

/** What is damaged, where it is, what it is called, and what has to be asked of the registry to mend it. */
const targets: Readonly<
  Record<string, { store: string; path: () => string; subject: () => string; asked: () => readonly string[] }>
> = {
  index: {
    store: 'erofs',
    path: () => blobPath(index.digest),
    subject: () => `blob ${index.digest}`,
    asked: () => [`HEAD /v2/a/manifests/${index.digest}`, `GET /v2/a/manifests/${index.digest}`],
  },
  manifest: {
    store: 'erofs',
    path: () => blobPath(manifest),
    subject: () => `blob ${manifest}`,
    asked: () => [`GET /v2/a/manifests/${manifest}`],
  },
  config: {
    store: 'erofs',
    path: () => blobPath(config),
    subject: () => `blob ${config}`,
    asked: () => [`GET /v2/a/blobs/${config}`],
  },
  layer: {
    store: 'erofs',
    path: () => blobPath(layer),
    subject: () => `blob ${layer}`,
    asked: () => [`GET /v2/a/blobs/${layer}`],
  },
  'layer under native': {
    store: 'native',
    path: () => blobPath(layer),
    subject: () => `blob ${layer}`,
    asked: () => [`GET /v2/a/blobs/${layer}`],
  },
  tar: { store: 'erofs', path: () => blobPath(tar), subject: () => `blob ${tar}`, asked: () => [] },
  'tar without its compressed layer': {
    store: 'discard',
    path: () => blobPath(tar),
    subject: () => `blob ${tar}`,
    asked: () => [`GET /v2/a/blobs/${layer}`],
  },
  'layer index': {
    store: 'erofs',
    path: () => join(root, 'indexes/sha256', hexOf(tar)),
    subject: () => `index ${tar}`,
    asked: () => [],
  },
  'EROFS image': {
    store: 'erofs',
    path: () => join(onlyIn('snapshots'), 'rootfs.erofs'),
    subject: () => 'snapshot erofs/',
    asked: () => [],
  },
  'image record': {
    store: 'erofs',
    path: () => onlyIn('images'),
    subject: () => 'image images/',
    asked: () => [],
  },
}

for (const [what, { store, path, subject, asked }] of Object.entries(targets)) {
  for (const [kind, damage] of Object.entries(damages)) {
    // An image without a record is no image; an index that is not there is made when it is needed.
    if (kind === 'missing' && (what === 'image record' || what === 'layer index')) continue
    // How bytes are wrong makes no difference once one kind of file has shown it.
    if (what !== 'tar' && kind !== 'flipped' && kind !== 'missing') continue
    test(`verify finds a ${what} that is ${kind}; --repair brings only that again`, async () => {
      copyOf(store)
      damage(path())
      const found = await verify()
      assert.equal(found.status, 7)
      // What has no checksum that others know can't be judged by them.
      if (what !== 'layer index' && (what !== 'EROFS image' || kind !== 'flipped')) {
        if (what !== 'image record' || kind !== 'flipped') assert.notDeepEqual(verifyStoreFiles(root), [])
      }
      // Without its tar, a layer whose compressed blob was let go is missing as well.
      const both = kind === 'missing' && store === 'discard'
      assert.equal(found.findings.length, both ? 2 : 1, found.findings.join('\n'))
      assert.ok(
        found.findings.some(line => line.includes(subject())),
        found.findings.join('\n'),
      )

      registry.received.length = 0
      const repaired = await verify('--repair', '--progress', 'quiet')
      assert.deepEqual([repaired.status, repaired.left], [0, []], repaired.stderr)
      assert.deepEqual(
        registry.received.map(({ method, url }) => `${method} ${url}`),
        asked(),
      )
      assert.deepEqual(verifyStoreFiles(root), [])
      const motd = await run('cat', '--platform', 'linux/amd64', name, 'etc/motd')
      assert.equal(motd.stdout, 'ahoy\n', motd.stderr)
    })
  }
}

test('verify finds files that davit never wrote, and --repair removes them', async () => {
  copyOf('erofs')
  const strangers = ['stray', 'blobs/sha256/short', 'blobs/md5', 'indexes/sha256/x', 'images/note.txt', 'snapshots/odd']
  for (const path of strangers) writeFileSync(join(root, path), 'x')
  mkdirSync(join(root, 'blobs/sha256', 'a'.repeat(64)))
  const extra = [...strangers, `blobs/sha256/${'a'.repeat(64)}`].map(path => `extra file ${path}`).toSorted()
  assert.deepEqual((await verify()).findings, extra)
  const { status, left } = await verify('--repair')
  assert.deepEqual([status, left], [0, []])
  for (const path of strangers) assert.throws(() => readFileSync(join(root, path)), { code: 'ENOENT' })
})

test('verify finds a blob that is not what its name says though nothing needs it', async () => {
  copyOf('erofs')
  const stray = digestOf('nobody wants this')
  writeFileSync(blobPath(stray), 'something else')
  assert.deepEqual((await verify()).findings, [`damaged blob ${stray}`])
  assert.deepEqual((await verify('--repair')).left, [])
})

test('verify REF looks at that image alone; lines name what is wrong', async () => {
  copyOf('erofs')
  writeFileSync(blobPath(digestOf('nobody wants this')), 'something else')
  assert.deepEqual((await verify(name)).findings, [])
  damages['flipped']?.(blobPath(layer))
  const { status, stdout, stderr } = await run('verify', name)
  assert.equal(status, 7)
  assert.match(stdout, new RegExp(`^damaged blob ${layer}: its bytes hash to sha256:[0-9a-f]{64}\\n$`))
  assert.match(stderr, /^davit: Cannot vouch for the store: 1 thing in it is wrong \(davit verify --repair [^\n]*\)\n$/)
  assert.equal((await run('verify', 'nosuch')).status, 3)
})

test('verify --repair without the registry says what it could not bring', async () => {
  copyOf('erofs')
  damages['flipped']?.(blobPath(layer))
  registry.on(/./, (_, response) => response.writeHead(404).end(), 1)
  const { status, left, stderr } = await verify('--repair', '--progress', 'quiet')
  assert.deepEqual([status, left], [7, [`missing blob ${layer}`]])
  assert.match(stderr, /a:1: davit: /)
})
