import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { stallAfter, startRegistry } from '../support/registry.ts'
import { davit, main } from './davit.ts'

const scratch = makeScratch('cli-killed')
const MiB = 2 ** 20

test('a pull that is killed at 90 % of a layer fetches no more than 1 MiB of it again', async t => {
  const registry = await startRegistry()
  t.after(() => registry.close())
  const layer = registry.putBlob(randomBytes(20 * MiB), mediaTypes.ociLayer)
  const config = { os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [layer.digest] } }
  registry.putImage({ config, layers: [layer], tags: ['1'] })
  const most = Math.floor(layer.size * 0.9)
  registry.on(`GET /v2/a/blobs/${layer.digest}`, stallAfter(most), 1)

  const root = join(scratch, 'root')
  const words = [
    'pull',
    '--snapshotter',
    'none',
    '--platform',
    'linux/amd64',
    '--progress',
    'quiet',
    `${registry.host}/a:1`,
  ]
  const child = spawn(process.execPath, [main, '--root', root, ...words], { stdio: 'ignore' })
  // Nothing tells when another process has written something: its file is looked at.
  while (onDisk(join(root, 'ingest')) < most - MiB) {
    assert.equal(child.exitCode, null)
    await sleep(20)
  }
  child.kill('SIGKILL')
  await once(child, 'exit')

  registry.received.length = 0
  const { status, stderr } = await davit(words, { root })
  assert.equal(status, 0, stderr)
  const [again, ...others] = registry.received.filter(({ url }) => url.endsWith(`/blobs/${layer.digest}`))
  assert.deepEqual(others, [])
  const from = Number(/^bytes=(\d+)-$/.exec(again?.headers.range ?? '')?.[1])
  assert.ok(from >= most - MiB && from <= most, `went on at ${from}, after ${most}`)
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
