import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode, ImageError } from '../errors.ts'
import type { OnProgress } from '../progress/events.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'
import { type Digest, isDigest } from '../spec/digest.ts'
import { parseReference } from '../spec/reference.ts'
import type { ImageRecord, ImageStore } from '../store/images.ts'
import type { Leases } from '../store/leases.ts'
import type { Closure } from './closure.ts'
import { type Finding, Findings } from './findings.ts'
import { keepByLease } from './keep.ts'
import type { PullParts } from './pull.ts'
import { Puller } from './puller.ts'
import { restoreRecord } from './restore-record.ts'
import { type Verification, type VerifyParts, verifyStore } from './verify.ts'

/** What repairing works with. */
export interface RepairParts extends VerifyParts {
  readonly images: ImageStore
  readonly leases: Leases
  /** For a pull with a snapshotter: what is lost is fetched and made as it was at first. */
  forPull(snapshotter: string | undefined): Promise<PullParts>
}

export interface RepairOptions {
  readonly references?: readonly string[]
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
  /** Told of an image that could not be made whole again. */
  readonly onFailure?: (record: ImageRecord, error: unknown) => void
}

/**
 * Takes away what {@link verifyStore} found to be wrong, then brings what images need again: documents and compressed
 * layers from the registry that they came from, everything else out of those. Nothing that is right is fetched.
 *
 * Answers what is still wrong. Errors: those of the disk; a registry's are told to `onFailure`.
 */
export async function repairStore(
  parts: RepairParts,
  { findings, closures }: Verification,
  options: RepairOptions = {},
): Promise<readonly Finding[]> {
  const found = new Findings()
  for (const finding of findings) found.add(finding)
  for (const finding of findings) await takeAway(parts, finding)
  for (const closure of closures) {
    if (!isHurt(closure, found)) continue
    try {
      const discardCompressed = await isWithoutCompressed(parts, closure, found)
      await bringAgain(parts, closure, { ...options, discardCompressed })
    } catch (error) {
      options.signal?.throwIfAborted()
      options.onFailure?.(closure.record, error)
    }
  }
  await parts.images.refresh().catch(ignoreMalformed)
  const { references, signal } = options
  return (await verifyStore(parts, { ...(references && { references }), ...(signal && { signal }) })).findings
}

/** Removes the bad thing itself, unless it can be written anew in its place, or only people know what to do. */
async function takeAway(parts: RepairParts, { kind, name, problem }: Finding): Promise<void> {
  const { layout, contentStore, snapshotters } = parts
  if (problem === 'missing') return
  switch (kind) {
    case 'blob':
      if (isDigest(name)) await contentStore.invalidate(name)
      return
    case 'index':
      if (isDigest(name)) rmSync(layout.index(name), { force: true })
      return
    case 'snapshot':
      return removeSnapshot(snapshotters, name)
    case 'image':
      if (name.startsWith(layout.images)) await restoreRecord(parts, name)
      return
    case 'file':
      if (name !== 'index.json') rmSync(join(layout.root, name), { recursive: true, force: true })
      return
    case 'database':
      return
  }
}

async function removeSnapshot(snapshotters: readonly Snapshotter[], name: string): Promise<void> {
  const at = name.indexOf('/')
  const snapshotter = snapshotters.find(one => one.name === name.slice(0, at))
  try {
    await snapshotter?.remove(name.slice(at + 1))
  } catch (error) {
    // Mounted, or others are made of it: they show what it shows.
    if (!hasCode(error, 'IN_USE') && !hasCode(error, 'NOT_FOUND')) throw error
  }
}

function isHurt({ digests, snapshot, findings, image }: Closure, found: Findings): boolean {
  const diffIds = image?.layers.map(layer => layer.diffId) ?? []
  return (
    findings.length > 0 ||
    [...digests, ...diffIds].some(name => found.has({ kind: 'blob', name }) || found.has({ kind: 'index', name })) ||
    (snapshot !== undefined && found.has({ kind: 'snapshot', name: snapshot }))
  )
}

/** Pulls exactly what the record names: a tag may have moved since. The record stays as it is. */
async function bringAgain(
  parts: RepairParts,
  { record }: Closure,
  { signal, onProgress, discardCompressed }: RepairOptions & { readonly discardCompressed: boolean },
): Promise<void> {
  const { reference, target, platform, snapshotter } = record
  const lease = await parts.leases.hold()
  try {
    const puller = new Puller({
      ...(await parts.forPull(snapshotter)),
      src: { ...parseReference(reference), digest: target.digest },
      platform,
      keep: keepByLease(lease),
      discardCompressed,
      ...(onProgress && { onProgress }),
    })
    const operation = signal === undefined ? {} : { signal }
    await puller.pull(operation)
  } finally {
    await lease.end()
  }
}

/** Whether the image was pulled so that tars stand for its layers. */
async function isWithoutCompressed(
  { contentStore }: RepairParts,
  { image }: Closure,
  found: Findings,
): Promise<boolean> {
  const layers = image?.layers.filter(({ blob, diffId }) => blob.digest !== diffId) ?? []
  for (const { blob } of layers) {
    if (found.has({ kind: 'blob', name: blob.digest }) || (await isThere(contentStore, blob.digest))) return false
  }
  return layers.length > 0
}

async function isThere(store: RepairParts['contentStore'], digest: Digest): Promise<boolean> {
  try {
    await (await store.open(digest)).close()
    return true
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return false
    throw error
  }
}

/** A record that can't be read is a finding already. */
function ignoreMalformed(error: unknown): void {
  if (!(error instanceof ImageError) || error.code !== 'MALFORMED') throw error
}
