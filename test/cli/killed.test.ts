import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { slowly, stallAfter, startRegistry } from '../support/registry.ts'
import { davit, main } from './davit.ts'

const scratch = makeScratch('cli-killed')
const MiB = 2 ** 20

/** A registry with an image of one layer, and the command that pulls it. */
async function opened(t: TestContext, name: string, mebibytes: number) {
  const registry = await startRegistry()
  t.after(() => registry.close())
  const layer = registry.putBlob(randomBytes(mebibytes * MiB), mediaTypes.ociLayer)
  const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [layer.digest] } }
  registry.putImage({ config, layers: [layer], tags: ['1'] })
  const flags = ['--snapshotter', 'none', '--platform', 'linux/amd64', '--progress', 'quiet']
  const words = ['pull', ...flags, `${registry.host}/a:1`]
  const root = join(scratch, name)
  const asked = () => registry.received.filter(({ url }) => url.endsWith(`/blobs/${layer.digest}`))
  /** Pulls until `isTime`, dies, and answers the bytes that are on disk then. */
  async function pullUntil(isTime: (bytes: number) => boolean): Promise<number> {
    const child = spawn(process.execPath, [main, '--root', root, ...words], { stdio: 'ignore' })
    // Nothing tells when another process has written something: its file is looked at.
    while (!isTime(onDisk(join(root, 'ingest')))) {
      assert.equal(child.exitCode, null)
      await sleep(20)
    }
    child.kill('SIGKILL')
    await once(child, 'exit')
    return onDisk(join(root, 'ingest'))
  }
  /** Pulls again, and answers where the requests for the layer began; the first is for all that is missing. */
  async function pullAgain(): Promise<readonly number[]> {
    registry.received.length = 0
    const { status, stderr } = await davit(words, { root })
    assert.equal(status, 0, stderr)
    return asked().map(({ headers }) => Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1]))
  }
  return { registry, layer, asked, pullUntil, pullAgain }
}

test('a pull that is killed at 90 % of a layer fetches no more than 1 MiB of it again', async t => {
  const { registry, layer, pullUntil, pullAgain } = await opened(t, 'one', 20)
  const most = Math.floor(layer.size * 0.9)
  registry.on(`GET /v2/a/blobs/${layer.digest}`, stallAfter(most), 1)
  await pullUntil(bytes => bytes >= most - MiB)
  const [from = 0, ...others] = await pullAgain()
  assert.deepEqual(others, [])
  assert.ok(from >= most - MiB && from <= most, `went on at ${from}, after ${most}`)
})

test('a pull that is killed while several connections bring a layer goes on where its file ends', async t => {
  const { registry, layer, asked, pullUntil, pullAgain } = await opened(t, 'several', 64)
  const aheadStarts = () =>
    asked().flatMap(
      ({ headers }) =>
        /^bytes=(\d+)-\d+$/
          .exec(headers.range ?? '')
          ?.slice(1)
          .map(Number) ?? [],
    )
  let isFirstRun = true
  registry.on(`GET /v2/a/blobs/${layer.digest}`, (request, response, serve) => {
    // The others bring nothing whole from the middle on: what is behind that is in flight when the process dies.
    const end = Number(/-(\d+)$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (!isFirstRun) serve()
    else if (end > layer.size / 2) stallAfter(300_000)(request, response, serve)
    else slowly(4)(request, response, serve)
  })
  const inFlight = () => aheadStarts().filter(start => start > layer.size / 2).length
  const bytes = await pullUntil(bytes => bytes >= layer.size / 4 && inFlight() >= 2)
  isFirstRun = false
  const [from = 0] = await pullAgain()
  assert.ok(from >= layer.size / 4 && from >= bytes - MiB && from <= bytes, `went on at ${from}, after ${bytes}`)
})

/** Bytes of the longest file below `directory`. */
function onDisk(directory: string): number {
  try {
    const paths = readdirSync(directory, { recursive: true }).map(path => join(directory, String(path)))
    return Math.max(0, ...paths.map(path => statSync(path)).map(stat => (stat.isFile() ? stat.size : 0)))
  } catch {
    return 0 // it isn't there yet, or has just gone
  }
}
