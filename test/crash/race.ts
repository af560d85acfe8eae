import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { amd64, configOf } from '../cli/davit.ts'
import { asRoot } from '../conformance/scratch.ts'
import { Random } from '../fuzz/random.ts'
import { beside } from '../support/command.ts'
import { mainOfDavit } from '../support/davit.ts'
import { tarOf } from '../support/layers.ts'
import type { TestRegistry } from '../support/registry.ts'
import { flawsOf } from './flaws.ts'

const pullers = 8
const collectors = 2
/** Long enough to reach the end of what is killed, now and then. */
const killedWithinMs = 3000

/** Images that share layers: which of these each consists of. */
const images: Readonly<Record<string, readonly number[]>> = {
  one: [0, 1, 2],
  two: [0, 1],
  three: [0, 1, 3],
  four: [3, 0],
}
const layers = [0, 1, 2, 3].map(n =>
  tarOf([
    { path: `layer${n}`, type: 'directory', mode: 0o755 },
    ...Array.from({ length: 20 }, (_, file) => ({
      path: `layer${n}/f${file}`,
      content: `${n} ${file}\n`.repeat(3000 * n),
    })),
  ]),
)

/** Puts the images at a registry; answers their names. */
export function putImages(registry: TestRegistry): readonly string[] {
  const blobs = layers.map(layer => registry.putBlob(gzipSync(layer), mediaTypes.ociLayerGzip))
  for (const [tag, parts] of Object.entries(images)) {
    const of = <T>(all: readonly T[]) => parts.flatMap(n => all[n] ?? [])
    registry.putImage({ config: configOf(amd64, of(layers)), layers: of(blobs), tags: [tag] })
  }
  return Object.keys(images).map(tag => `${registry.host}/a:${tag}`)
}

export interface Round {
  readonly killed: number
  /** What doesn’t hold; nothing, in good software. */
  readonly problems: readonly string[]
}

/**
 * One round: an empty store (every other time, else the one that is there), eight pulls and two collections at once,
 * some of them killed if `kill`; then everything has to be as promised, and everything has to go.
 */
export async function raceRound(
  registry: TestRegistry,
  root: string,
  names: readonly string[],
  { seed, kill }: { readonly seed: number; readonly kill: boolean },
): Promise<Round> {
  const random = new Random(seed)
  if (random.once(2)) rmSync(root, { recursive: true, force: true })
  const snapshotters: [string, ...string[]] = asRoot ? ['erofs', 'erofs', 'overlayfs', 'native'] : ['erofs']
  const first = registry.received.length
  const problems: string[] = []
  const look = (when: string) => problems.push(...flawsOf(root).map(flaw => `${when}: ${flaw}`))

  const pulls = Array.from({ length: pullers }, () =>
    pull(random.pick([names[0] ?? '', ...names]), random.pick(snapshotters)),
  )
  const gcs = Array.from({ length: collectors }, () => ['gc'])
  const outcomes = await Promise.all(
    [...pulls, ...gcs].map(words =>
      start(root, words, kill && random.once(2) ? random.below(killedWithinMs) : undefined),
    ),
  )
  for (const { words, status, signal, stderr } of outcomes) {
    if (status !== 0 && signal !== 'SIGKILL') problems.push(`${words.join(' ')}: ${status} ${stderr}`)
  }
  const killed = outcomes.filter(({ signal }) => signal === 'SIGKILL').length
  if (killed === 0) problems.push(...fetchedTwice(registry, first))
  look('afterwards')

  const run = (...words: readonly string[]) => beside(process.execPath, [mainOfDavit, '--root', root, ...words])
  const succeed = async (...words: readonly string[]) => {
    const { status, stderr } = await run(...words)
    if (status !== 0) problems.push(`then ${words.join(' ')}: ${status} ${stderr}`)
  }
  for (const name of names) await succeed(...pull(name, 'erofs'))
  await succeed('gc')
  look('after all was pulled')
  for (const name of names) await succeed('images', 'rm', name)
  await succeed('gc')
  look('after all was removed')
  const left = ['blobs/sha256', 'indexes/sha256', 'ingest', 'images', 'snapshots', 'locks/leases'].flatMap(path =>
    existsSync(join(root, path)) ? namesIn(join(root, path)).map(name => `${path}/${name}`) : [],
  )
  if (left.length > 0) problems.push(`left at the end: ${left.join(' ')}`)
  return { killed, problems }
}

function pull(name: string, snapshotter: string): readonly string[] {
  return ['pull', '--progress', 'quiet', '--platform', 'linux/amd64', '--snapshotter', snapshotter, name]
}

interface Outcome {
  readonly words: readonly string[]
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
}

async function start(root: string, words: readonly string[], killedAfterMs: number | undefined): Promise<Outcome> {
  const child: ChildProcess = spawn(process.execPath, [mainOfDavit, '--root', root, ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  if (killedAfterMs !== undefined) {
    await Promise.race([sleep(killedAfterMs, undefined, { ref: false }), closed])
    child.kill('SIGKILL')
  }
  const [status, signal] = await closed
  return { words, status, signal, stderr }
}

/** But for lock files, and what is known of the kernel. */
function namesIn(directory: string): readonly string[] {
  return readdirSync(directory).filter(name => !name.startsWith('.'))
}

/** What was asked for more than once, since the request of this number. */
export function fetchedTwice(registry: TestRegistry, first: number): readonly string[] {
  const counts = new Map<string, number>()
  for (const { method, url, headers } of registry.received.slice(first)) {
    const blob = /\/blobs\/(.*)$/.exec(url)?.[1]
    if (method === 'GET' && blob !== undefined)
      counts.set(`${blob} ${headers.range ?? ''}`, (counts.get(`${blob} ${headers.range ?? ''}`) ?? 0) + 1)
  }
  return [...counts].filter(([, count]) => count > 1).map(([blob, count]) => `${blob} was fetched ${count} times`)
}
