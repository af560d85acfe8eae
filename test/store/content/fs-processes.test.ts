import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { digestOf } from '../../../src/spec/digest.ts'
import { layoutOf } from '../../../src/store/layout.ts'
import { openRoot } from '../../../src/store/root.ts'
import { scratchDirectory } from '../scratch.ts'
import { patternBlob } from './ingest-child.ts'

const MiB = 1 << 20
const scratch = scratchDirectory()
const program = fileURLToPath(new URL('./ingest-child.js', import.meta.url))
const unprivileged = process.getuid?.() !== 0 && 'mounting a small file system takes root'

interface Line {
  readonly offset?: number
  readonly waiting?: boolean
  readonly done?: string
  readonly failed?: string
}

function start(root: string, mebibytes: number, stopAfter?: number) {
  const words = [program, root, String(mebibytes), ...(stopAfter === undefined ? [] : [String(stopAfter)])]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  const lines = () => linesOf(text)
  return { child, lines, ended: once(child, 'close').then(lines) }
}

function linesOf(text: string): readonly Line[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'close')
}

test('what a killed process wrote is resumed, all but what was on its way', async () => {
  const { root, ingest, blob } = openRoot(scratch())
  const { digest, size } = patternBlob(24)
  const first = start(root, 24, 20)
  await until(() => (statSync(ingest('key'), { throwIfNoEntry: false })?.size ?? 0) >= 15 * MiB)
  await kill(first.child)
  const partial = statSync(ingest('key')).size
  const [resumed, done] = await start(root, 24).ended
  assert.deepEqual([resumed, done], [{ offset: partial }, { done: 'written' }])
  assert.equal(statSync(blob(digest)).size, size)
  assert.equal(digestOf(readFileSync(blob(digest))), digest)
})

test('processes that want one blob: one writes it, the others wait and find it', async () => {
  const { root } = openRoot(scratch())
  const all = await Promise.all(Array.from({ length: 4 }, () => start(root, 32).ended))
  const ends = all.map(lines => lines.at(-1)?.done)
  assert.deepEqual(ends.toSorted(), ['found', 'found', 'found', 'written'])
})

test('who waits takes over when the holder is killed', async () => {
  const { root, ingest } = openRoot(scratch())
  const holder = start(root, 8, 6)
  await until(() => (statSync(ingest('key'), { throwIfNoEntry: false })?.size ?? 0) >= 5 * MiB)
  const follower = start(root, 8)
  await until(() => follower.lines().some(line => line.waiting))
  await kill(holder.child)
  const lines = await follower.ended
  assert((lines.find(line => line.offset !== undefined)?.offset ?? 0) >= 5 * MiB)
  assert.equal(lines.at(-1)?.done, 'written')
})

test('a blob is read-only, its ingest is gone', async () => {
  const { root, blob, ingests } = openRoot(scratch())
  await start(root, 1).ended
  assert.equal(statSync(blob(patternBlob(1).digest)).mode & 0o7777, 0o444)
  assert.deepEqual(readdirSync(ingests), [])
})

test('a full disk ends an ingest with NO_SPACE, and it resumes when there is room', { skip: unprivileged }, () => {
  const root = scratch()
  const script = `
    mkdir "$2" && mount -t tmpfs -o size=12m davit-test "$2" || exit 9
    "$0" "$1" "$2/root" 16
    ls -l "$2/root/ingest" >&2; find "$2/root/blobs" -type f >&2
    mount -o remount,size=64m "$2"
    "$0" "$1" "$2/root" 16`
  const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script, process.execPath, program, root], {
    encoding: 'utf8',
  })
  const [begun, failed, resumed, done] = linesOf(stdout) as readonly (Line & { full?: boolean })[]
  assert.deepEqual(begun, { offset: 0 }, stderr)
  assert.deepEqual(failed, { failed: 'NO_SPACE', full: true })
  assert(!stderr.includes('/blobs/'), 'nothing is visible')
  assert((resumed?.offset ?? 0) > 8 * MiB, stdout + stderr)
  assert.deepEqual(done, { done: 'written' })
})

test('a read-only store can be opened, and refuses an ingest with DENIED', { skip: unprivileged }, () => {
  const { root } = openRoot(scratch())
  const script = `mount --bind "$2" "$2" && mount -o remount,bind,ro "$2" && "$0" "$1" "$2" 1`
  const { stdout } = spawnSync('unshare', ['-m', 'sh', '-c', script, process.execPath, program, root], {
    encoding: 'utf8',
  })
  assert.deepEqual(linesOf(stdout), [{ failed: 'DENIED', full: false }])
  assert.deepEqual(readdirSync(layoutOf(root).ingests), [])
})
