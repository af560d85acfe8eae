/** Pulls with erofs that are killed at a step of theirs, and pulls at once. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { digestOf, hexOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { verifyStoreFiles } from '../support/verify-store.ts'
import { amd64, configOf, davit, firstLayer, main, type Outcome } from './davit.ts'

const scratch = makeScratch('cli-crash')
const gzipped = gzipSync(firstLayer)
const compressed = digestOf(gzipped)
let registry: TestRegistry
let name: string
let root: string
let roots = 0
const pull = () => ['pull', '--platform', 'linux/amd64', '--snapshotter', 'erofs', '--json', name]

before(async () => {
  registry = await startRegistry()
  const layers = [registry.putBlob(gzipped, mediaTypes.ociLayerGzip)]
  registry.putImage({ config: configOf(amd64, [firstLayer]), layers, tags: ['1'] })
  name = `${registry.host}/a:1`
})
after(() => registry.close())
beforeEach(() => {
  root = `${scratch}/${roots++}`
})

/** Kills the process, whichever of its threads it is, at the first such call with a path like this. */
function dieAt(call: string, path: RegExp): string {
  const program = `
    import fs from 'node:fs'
    import { syncBuiltinESMExports } from 'node:module'
    const [, of, call] = /^(promises)?\\.?(\\w+)$/.exec(${JSON.stringify(call)})
    const where = of === undefined ? fs : fs.promises
    const real = where[call]
    const pathOf = word => (typeof word === 'number' ? fs.readlinkSync('/proc/self/fd/' + word) : String(word))
    where[call] = (...words) => (${path}.test(pathOf(words[0])) ? process.kill(process.pid, 'SIGKILL') : real(...words))
    syncBuiltinESMExports()`
  return `--import=data:text/javascript,${encodeURIComponent(program)}`
}

async function ok(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await davit(words, { root })
  assert.equal(status, 0, stderr)
  return stdout
}

const filesIn = (...names: string[]) => readdirSync(join(root, ...names)).filter(one => !/^\.(lock|erofs)$/.test(one))

/** Collects; nothing but what belongs to images may be left. */
async function collected(): Promise<{ blobs: number; indexes: string[]; snapshots: string[]; partials: string[] }> {
  await ok('gc')
  const blobs = JSON.parse(await ok('content', 'ls', '--json')).length
  return { blobs, indexes: filesIn('indexes/sha256'), snapshots: filesIn('snapshots'), partials: filesIn('ingest') }
}

const steps: Readonly<Record<string, string>> = {
  'a layer’s index has no name yet': dieAt('renameSync', /indexes\/.*\.new$/),
  'a layer’s tar has no name yet': dieAt('promises.rename', new RegExp(hexOf(digestOf(firstLayer)))),
  'a layer’s blob has no name yet': dieAt('promises.rename', new RegExp(hexOf(compressed))),
  'the image is begun': dieAt('fsyncSync', /rootfs\.erofs$/),
  'the snapshot is being recorded': dieAt('renameSync', /record\.json\.[0-9a-f]+$/),
  'the snapshot has no name yet': dieAt('renameSync', /snapshots\/[0-9a-f]{32}$/),
  'the image is being recorded': dieAt('renameSync', /images\/.*\.new$/),
}

describe('pull that is killed', () => {
  for (const [when, NODE_OPTIONS] of Object.entries(steps)) {
    test(`when ${when}: gc leaves nothing, the next pull needs no byte of its layer again`, async () => {
      const killed = await davit(pull(), { root, env: { NODE_OPTIONS } })
      assert.deepEqual([killed.status, killed.stdout], [null, ''], killed.stderr)
      const left = await collected()
      assert.deepEqual([left.blobs, left.indexes, left.snapshots], [0, [], []])

      root = `${scratch}/${roots++}`
      await davit(pull(), { root, env: { NODE_OPTIONS } })
      const [layer] = JSON.parse(await ok(...pull())).layers
      assert.deepEqual([layer.digest, layer.fetched], [compressed, 0])
      assert.equal(await ok('cat', '--platform', 'linux/amd64', name, 'etc/motd'), 'ahoy\n')
      const { blobs, indexes, snapshots, partials } = await collected()
      assert.deepEqual([blobs, indexes.length, snapshots.length, partials], [4, 1, 1, []])
      assert.deepEqual(verifyStoreFiles(root, { clean: true }), [])
      await ok('images', 'rm', name)
      assert.deepEqual(await collected(), { blobs: 0, indexes: [], snapshots: [], partials: [] })
    })
  }
})

test('pull --durability process asks for no fsync at all, and pull asks for some', async () => {
  // A new ROOT is made to stay, whatever is asked for.
  await ok(...pull())
  await ok('images', 'rm', name)
  await ok('gc')
  const never = ['fsyncSync', 'fsync'].map(call => dieAt(call, /./)).join(' ')
  const env = { NODE_OPTIONS: never }
  assert.equal((await davit(pull(), { root, env })).status, null)
  const { status, stderr } = await davit([...pull(), '--durability', 'process'], { root, env })
  assert.equal(status, 0, stderr)
  await ok('gc')
  assert.deepEqual(verifyStoreFiles(root, { clean: true }), [])
})

/** Starts a pull that tells on stderr how it goes; `locked` resolves when it waits for another. */
function start(...flags: string[]): { readonly locked: Promise<void>; readonly ended: Promise<Outcome> } {
  const child = spawn(process.execPath, [main, '--root', root, ...pull(), '--progress', 'json', ...flags])
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  const locked = new Promise<void>(resolve => {
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
      if (stderr.includes('"state":"locked"')) resolve()
    })
  })
  return { locked, ended: once(child, 'close').then(([status]) => ({ status, stdout, stderr })) }
}

for (const flags of [[], ['--discard-compressed']]) {
  test(`two pulls of an image at once fetch each layer once ${flags}`, async () => {
    registry.received.length = 0
    let answer = () => {}
    const asked = new Promise<void>(resolve => {
      registry.on(
        `/blobs/${compressed}`,
        (_, __, serve) => {
          answer = serve
          resolve()
        },
        1,
      )
    })
    const one = start(...flags)
    await asked
    const other = start(...flags)
    await other.locked
    answer()
    const outcomes = await Promise.all([one.ended, other.ended])
    for (const { status, stderr } of outcomes) assert.equal(status, 0, stderr)
    const [first, second] = outcomes.map(({ stdout }) => JSON.parse(stdout))
    assert.equal(first.chainId, second.chainId)
    assert.equal(registry.received.filter(({ url }) => url.endsWith(compressed)).length, 1)
    const { blobs, indexes, snapshots, partials } = await collected()
    assert.deepEqual([blobs, indexes.length, snapshots.length, partials], [flags.length === 0 ? 4 : 3, 1, 1, []])
  })
}
