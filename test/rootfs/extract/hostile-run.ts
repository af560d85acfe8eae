import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ImageError } from '../../../src/errors.ts'
import { resetBaseDirectory } from '../../../src/rootfs/base-directory.ts'
import { copyAttributes } from '../../../src/rootfs/copy-attributes.ts'
import { openApplier } from '../../../src/rootfs/extract/applier.ts'
import { applyLayer } from '../../../src/rootfs/extract/apply-task.ts'
import { asImageWorker, openImageWorker } from '../../../src/rootfs/extract/worker.ts'
import type { Mount } from '../../../src/rootfs/mounts.ts'
import { formatOverlay, parseOverlay } from '../../../src/rootfs/overlay-mount.ts'
import { inUserNamespace } from '../../../src/rootfs/user-namespace.ts'
import { digestOf } from '../../../src/spec/digest.ts'
import type { BlobReader, ContentStore } from '../../../src/store/content/store.ts'
import { inlineWorkers } from '../../../src/system/inline.ts'
import { openProcess } from '../../../src/system/process.ts'
import { AT_FDCWD } from '../../../src/system/sys/constants.ts'
import { openSys } from '../../../src/system/sys/linux.ts'
import type { Workers } from '../../../src/system/workers.ts'
import { type CorpusCase, hostile, odd } from '../../support/corpus/index.ts'
import { plantSentinel } from '../../support/corpus/sentinel.ts'
import { assertSameTree, dumpTree, type TreeNode } from '../../support/tree.ts'
import { applyNaively } from './naive-task.ts'
import { overlayOf } from './stack.ts'
import { settle, usage } from './usage.ts'

/** What stands between an image and the sentinel tree; `jail`: around the naive extractor. */
type Barriers = 'both' | 'names' | 'jail'

/** What became of the corpus in one way of applying it. */
export interface Result {
  readonly barriers: Barriers
  readonly place: Place
  /** How many of each class were applied. */
  readonly cases: Readonly<Record<string, number>>
  /** Cases that got out, or came to another end than they are to: a line each. */
  readonly wrong: readonly string[]
  /** What the costliest cases took of the process that applied them all. */
  readonly cpuMs: Worst
  readonly peakBytes: Worst
}

/** The most that any case came to, and which. */
export interface Worst {
  readonly value: number
  readonly name: string
}

type Place = 'flat' | 'overlay'
type Case = CorpusCase & { readonly id: string; readonly group: string }

/** Applies the layers of one case, each in its place; the last one's place is the image's. */
type Apply = (layers: readonly Uint8Array[], places: readonly Mount[]) => Promise<void>

const [scratch = '', referencePath = ''] = process.argv.slice(2)
const sentinel = join(scratch, 'sentinel')
const reference: Readonly<Record<string, TreeNode[]>> =
  referencePath === '' ? {} : JSON.parse(readFileSync(referencePath, 'utf8'))
let directories = 0

/** Far longer than what takes its ten seconds of CPU on a machine with much else to do: it waits for something. */
const maxCaseMs = 600_000

const jailed = await openImageWorker(inlineWorkers(), [applyLayer, applyNaively, usage])
const unjailed = await openProcess()
const ways: Readonly<Record<Barriers, { readonly workers: Workers; readonly apply: Apply }>> = {
  both: { workers: jailed, apply: carefully(jailed) },
  names: { workers: unjailed, apply: carefully(unjailed) },
  jail: { workers: jailed, apply: naively(jailed) },
}

/**
 * Run by its test where only the directory of the first argument can be written: prints {@link Result}s. Second, perhaps:
 * a file with what the independent reader makes of each case.
 */
async function main(): Promise<void> {
  const cases = Object.entries({ hostile, odd }).flatMap(([kind, classes]) =>
    Object.entries(classes).flatMap(([group, rows]) =>
      rows.map(
        (row, i): Case => ({
          ...row,
          id: `${kind} ${group} ${i}`,
          group: `${kind} ${group}`,
          name: `${kind} ${group}: ${row.name}`,
        }),
      ),
    ),
  )
  plantSentinel(sentinel)
  await unjailed.run(settle, { directory: join(sentinel, 'cwd'), home: join(sentinel, 'home') }).result
  if (jailed.losses.length > 0) throw new Error(jailed.losses.join('; '))
  const results: Result[] = []
  for (const barriers of ['both', 'names', 'jail'] as const) {
    for (const place of ['flat', 'overlay'] as const) {
      if (barriers !== 'jail' || place === 'flat') results.push(await runAll(cases, barriers, place))
    }
  }
  for (const workers of [jailed, unjailed]) await workers.close()
  console.log(JSON.stringify(results))
}

async function runAll(cases: readonly Case[], barriers: Barriers, place: Place): Promise<Result> {
  const { workers, apply } = ways[barriers]
  // Without care, some that are no attack would wait at a pipe for ever.
  const taken = barriers === 'jail' ? cases.filter(({ escapes }) => escapes !== undefined) : cases
  const counts: Record<string, number> = {}
  const wrong: string[] = []
  let cpuMs = nothing
  let peakBytes = nothing
  for (const row of taken) {
    counts[row.group] = (counts[row.group] ?? 0) + 1
    const before = await workers.run(usage, undefined).result
    const patience = setTimeout(() => giveUp(row, workers), maxCaseMs)
    const complaint = await runOne(row, place, apply, barriers !== 'jail')
    clearTimeout(patience)
    if (complaint !== undefined) wrong.push(`${row.name}: ${complaint}`)
    const after = await workers.run(usage, undefined).result
    cpuMs = worse(cpuMs, row.name, after.cpuMs - before.cpuMs)
    peakBytes = worse(peakBytes, row.name, after.peakBytes)
  }
  return { barriers, place, cases: counts, wrong, cpuMs, peakBytes }
}

function giveUp({ name }: Case, workers: Workers): void {
  console.error(`${name}: not done after ${maxCaseMs / 1000} s`)
  process.exitCode = 1
  // What was asked of them rejects.
  void workers.close()
}

const nothing: Worst = { value: 0, name: '' }

function worse(worst: Worst, name: string, value: number): Worst {
  return value > worst.value ? { value: Math.round(value), name } : worst
}

/** What is wrong with what came of it. */
async function runOne(
  { id, layers, expect }: Case,
  place: Place,
  apply: Apply,
  judged: boolean,
): Promise<string | undefined> {
  const before = JSON.stringify(dumpTree(sentinel))
  const base = join(scratch, `${directories++}`)
  const bytes = layers(sentinel)
  const places = makePlaces(base, place, bytes.length)
  const error = await apply(bytes, places).then(
    () => undefined,
    (error: unknown) => error,
  )
  if (JSON.stringify(dumpTree(sentinel)) !== before) {
    rmSync(sentinel, { recursive: true })
    plantSentinel(sentinel)
    return 'the sentinel tree changed'
  }
  const around = readdirSync(base).filter(name => !/^(fs|work)\d+$/.test(name))
  if (around.length > 0) return `it made ${around.join(', ')} beside its root`
  if (!judged) return undefined
  const code = error instanceof ImageError ? error.code : error instanceof Error ? error.message : undefined
  const wanted = typeof expect === 'string' ? undefined : expect.refused
  if (code !== wanted) return `${code ?? 'accepted'} instead of ${wanted ?? 'accepted'}`
  const expected = reference[id]
  if (wanted !== undefined || expected === undefined) return undefined
  try {
    assertSameTree(shown(base, places), expected)
    return undefined
  } catch (error) {
    return String(error)
  }
}

function makePlaces(base: string, place: Place, count: number): Mount[] {
  const fs = (i: number) => join(base, `fs${i}`)
  mkdirSync(base)
  return Array.from({ length: count }, (_, i): Mount => {
    if (place === 'flat' || i === 0) {
      if (i === 0) {
        mkdirSync(fs(0))
        resetBaseDirectory(fs(0))
      }
      return { type: 'bind', source: fs(0), options: ['rw'] }
    }
    mkdirSync(fs(i))
    const lower = Array.from({ length: i }, (_, below) => fs(i - 1 - below))
    const userxattr = inUserNamespace() ? ['userxattr'] : []
    const options = [...userxattr, ...formatOverlay({ lower, upper: fs(i), work: join(base, 'work') })]
    return { type: 'overlay', source: base, options }
  })
}

function shown(base: string, places: readonly Mount[]): TreeNode[] {
  if (places.at(-1)?.type === 'overlay') return overlayOf(base, places.map((_, i) => join(base, `fs${i}`)).reverse())
  return dumpTree(join(base, 'fs0'))
}

function carefully(workers: Workers): Apply {
  return async (layers, places) => {
    const applier = openApplier({ openWorker: async () => asImageWorker(workers) }).open()
    let leftOut: readonly string[] = []
    for (const [i, bytes] of layers.entries()) {
      const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(bytes), size: bytes.length }
      const place = places[i]
      if (place?.type === 'overlay') showRootBelow(place)
      if (place === undefined) continue
      const applied = await applier.apply(storeOf(bytes), layer, [place], { leftOut })
      leftOut = applied.leftOut ?? []
    }
  }
}

/** As the snapshotter does: an upper directory is the root that people see. */
function showRootBelow({ options }: Mount): void {
  const { lower, upper = '' } = parseOverlay(options)
  const root = Buffer.from(lower[0] ?? '')
  copyAttributes(root, Buffer.from(upper), openSys().stat(AT_FDCWD, root), () => {})
}

function naively(workers: Workers): Apply {
  return async (layers, places) => {
    for (const [i, bytes] of layers.entries()) {
      let sent = false
      const run = workers.run(applyNaively, places[i]?.source ?? '', {
        onMessage: () => {
          if (sent) run.end()
          else run.send(bytes)
          sent = true
        },
      })
      await run.result
    }
  }
}

/** All of a store that an applier uses. */
function storeOf(bytes: Uint8Array): ContentStore {
  const reader: BlobReader = {
    size: bytes.length,
    path: undefined,
    read: async (offset, length) => new Uint8Array(bytes.subarray(offset, offset + length)),
    close: async () => {},
  }
  return { open: async () => reader } as unknown as ContentStore
}

await main()
