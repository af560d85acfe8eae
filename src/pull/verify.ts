import { availableParallelism } from 'node:os'
import { hasCode } from '../errors.ts'
import { checkLayerIndex } from '../rootfs/index-layer.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import { findStrangers } from '../rootfs/strangers.ts'
import type { Digest } from '../spec/digest.ts'
import { rehash } from '../store/content/damage.ts'
import type { ContentStore } from '../store/content/store.ts'
import { checkDbFile } from '../store/db-file.ts'
import { takeInventory } from '../store/inventory.ts'
import type { Layout } from '../store/layout.ts'
import { isOciIndexCurrent } from '../store/oci-index.ts'
import { Group } from '../system/group.ts'
import type { Workers } from '../system/workers.ts'
import { type Closure, readClosure } from './closure.ts'
import { type Finding, Findings } from './findings.ts'

/** What verifying works with. */
export interface VerifyParts {
  readonly layout: Layout
  readonly contentStore: ContentStore
  readonly snapshotters: readonly Snapshotter[]
  readonly workers: Workers
}

export interface VerifyOptions {
  /** Only the images of these names, and what they need. Default: everything under the root. */
  readonly references?: readonly string[]
  readonly signal?: AbortSignal
  /** Told now and then how many of the bytes to be hashed have been. */
  readonly onProgress?: (hashed: number, total: number) => void
}

export interface Verification {
  /** How many were looked at; `bytes` were hashed. */
  readonly checked: Readonly<Record<'images' | 'blobs' | 'bytes' | 'indexes' | 'snapshots', number>>
  readonly findings: readonly Finding[]
  readonly closures: readonly Closure[]
}

/**
 * Compares what is under a root with what it should be: every blob with its name, every layer index with its checksum,
 * every EROFS image with what its layers make, every image with its closure, every file with what davit ever writes. Of
 * directory snapshots the record, the parents and the directory are looked for, and not what is in them.
 *
 * Changes nothing. What running pulls do meanwhile may look like a fault.
 *
 * Errors: the signal's reason; what the disk says. A fault of the store is no error but a finding.
 */
export async function verifyStore(parts: VerifyParts, options: VerifyOptions = {}): Promise<Verification> {
  const { references } = options
  const inventory = takeInventory(parts.layout)
  const here: ReadonlySet<Digest> = new Set(inventory.blobs)
  const images = inventory.images.filter(({ reference }) => references?.includes(reference) ?? true)
  const closures: Closure[] = []
  for (const image of images) closures.push(await readClosure(parts.contentStore, image, digest => here.has(digest)))
  const wanted = references === undefined ? undefined : new Set<string>(closures.flatMap(needsOf))
  const isWanted = (name: string) => wanted?.has(name) ?? true

  const findings = new Findings()
  const blobs = inventory.blobs.filter(isWanted)
  const bytes = await hashBlobs(parts, blobs, findings, options)
  for (const closure of closures) for (const finding of closure.findings) findings.add(finding)
  const indexes = inventory.indexes.filter(isWanted)
  const snapshots = await checkSnapshots(parts, isWanted, findings, here)
  await checkIndexes(parts, indexes, findings, here)
  for (const { snapshot, record } of closures) {
    if (snapshot === undefined || snapshots.has(snapshot)) continue
    findings.add({ kind: 'snapshot', name: snapshot, problem: 'missing', detail: `${record.reference} needs it` })
  }
  if (references === undefined) {
    for (const { path, reason } of inventory.unreadable) findings.add(damagedFile('image', path, reason))
    for (const path of inventory.extra) findings.add(extraFile(path))
    for (const { name, isSnapshot } of findStrangers(parts.layout.snapshots)) {
      const path = `snapshots/${name}`
      findings.add(isSnapshot ? damagedFile('file', path, 'its record can’t be read') : extraFile(path))
    }
    checkDerived(parts.layout, findings, images)
  }
  const counts = { images: images.length, blobs: blobs.length, indexes: indexes.length, snapshots: snapshots.size }
  return { checked: { ...counts, bytes }, findings: findings.all(), closures }
}

function needsOf({ digests, snapshot }: Closure): readonly string[] {
  return snapshot === undefined ? digests : [...digests, snapshot]
}

/** The largest first, so that no core is left with one at the end. Answers the bytes. */
async function hashBlobs(
  { contentStore, workers }: VerifyParts,
  digests: readonly Digest[],
  findings: Findings,
  { signal, onProgress }: VerifyOptions,
): Promise<number> {
  const sized = await Promise.all(digests.map(async digest => ({ digest, size: await sizeOf(contentStore, digest) })))
  const total = sized.reduce((sum, { size }) => sum + size, 0)
  let hashed = 0
  const onBytes = (bytes: number) => {
    hashed += bytes
    onProgress?.(hashed, total)
  }
  const group = new Group(signal)
  const check = async (digest: Digest) => {
    const { digest: actual } = await rehash(contentStore, workers, digest, { signal: group.signal, onBytes })
    if (actual === digest) return
    findings.add({ kind: 'blob', name: digest, problem: 'damaged', detail: `its bytes hash to ${actual}` })
  }
  const queue = sized.toSorted((a, b) => b.size - a.size).values()
  for (let lane = 0; lane < Math.max(availableParallelism(), 2); lane++) {
    group.run(async () => {
      for (const { digest } of queue) await unlessGone(check(digest))
    })
  }
  await group.wait()
  return total
}

/** Somebody may remove what was there a moment ago. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}

async function sizeOf(store: ContentStore, digest: Digest): Promise<number> {
  const reader = await unlessGone(store.open(digest))
  await reader?.close()
  return reader?.size ?? 0
}

async function checkIndexes(
  { layout, workers }: VerifyParts,
  diffIds: readonly Digest[],
  findings: Findings,
  blobs: ReadonlySet<Digest>,
): Promise<void> {
  for (const diffId of diffIds) {
    const about = { kind: 'index', name: diffId } as const
    if (!blobs.has(diffId)) {
      const isMissed = findings.has({ kind: 'blob', name: diffId })
      if (!isMissed) findings.add({ ...about, problem: 'extra', detail: 'the tar that it is of is not here' })
    } else if (!(await workers.run(checkLayerIndex, layout.index(diffId)).result)) {
      findings.add({ ...about, problem: 'damaged', detail: 'it is no index of this version, or its checksum differs' })
    }
  }
}

/** Answers those that are there, as `<snapshotter>/<key>`. What is made of damaged tars can't be judged. */
async function checkSnapshots(
  { snapshotters }: VerifyParts,
  isWanted: (name: string) => boolean,
  findings: Findings,
  blobs: ReadonlySet<Digest>,
): Promise<ReadonlySet<string>> {
  const checked = new Set<string>()
  for (const snapshotter of snapshotters) {
    for await (const { key, diffIds } of snapshotter.walk()) {
      const name = `${snapshotter.name}/${key}`
      if (!isWanted(name)) continue
      checked.add(name)
      const lost = snapshotter.takes === 'layers' ? diffIds.filter(diffId => !blobs.has(diffId)) : []
      for (const tar of lost) {
        findings.add({ kind: 'blob', name: tar, problem: 'missing', detail: `snapshot ${name} needs it` })
      }
      if (diffIds.some(diffId => findings.has({ kind: 'blob', name: diffId }))) continue
      const detail = await unlessGone(snapshotter.check(key))
      if (detail !== undefined) findings.add({ kind: 'snapshot', name, problem: 'damaged', detail })
    }
  }
  return checked
}

function checkDerived(layout: Layout, findings: Findings, images: Parameters<typeof isOciIndexCurrent>[1]): void {
  const isWhole = !findings.all().some(({ kind }) => kind === 'image' || kind === 'blob')
  if (isWhole && !isOciIndexCurrent(layout, images)) {
    findings.add(damagedFile('file', 'index.json', 'it does not say which images are here'))
  }
  try {
    checkDbFile(layout.db)
  } catch (error) {
    if (!hasCode(error, 'MALFORMED')) throw error
    findings.add(damagedFile('database', 'db', error.message))
  }
}

function extraFile(name: string): Finding {
  return { kind: 'file', name, problem: 'extra', detail: 'davit puts no such thing there' }
}

function damagedFile(kind: 'image' | 'file' | 'database', name: string, detail: string): Finding {
  return { kind, name, problem: 'damaged', detail }
}
