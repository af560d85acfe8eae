import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { mountPointsIn } from '../../src/rootfs/mount-table.ts'

/** As in the documents; what was damaged is noticed by its hash. */
interface Blob {
  readonly digest: string
}
interface Manifest {
  readonly config: Blob
  readonly layers: readonly Blob[]
}
interface Config {
  readonly rootfs: { readonly diff_ids: readonly string[] }
}
interface ImageRecord {
  readonly manifest: Blob
  readonly target: Blob
  readonly chainId?: string
  readonly snapshotter?: string
}
interface SnapshotRecord {
  readonly key: string
  readonly kind: 'active' | 'view' | 'committed'
  readonly parent?: string
  readonly diffIds: readonly string[]
}

/**
 * What is wrong with a store that nobody is at work on: with what is visible in it, whatever else a crash has left.
 * Written from the description of the format; it shares no code with what writes it.
 */
export function flawsOf(root: string): readonly string[] {
  const found = mountPointsIn(root).map(point => `mounted: ${point}`)
  if (!existsSync(join(root, 'version'))) return found
  return [...found, ...blobFlaws(root), ...imageFlaws(root), ...indexFlaws(root), ...snapshotFlaws(root)]
}

function blobFlaws(root: string): string[] {
  return ['sha256', 'sha512'].flatMap(algorithm =>
    filesIn(root, 'blobs', algorithm).flatMap(name => {
      const path = join(root, 'blobs', algorithm, name)
      const hash = createHash(algorithm).update(readFileSync(path)).digest('hex')
      const mode = statSync(path).mode & 0o777
      return [
        ...(hash === name ? [] : [`blob ${name} hashes to ${hash}`]),
        ...(mode === 0o444 ? [] : [`blob ${name} has mode ${mode.toString(8)}`]),
      ]
    }),
  )
}

/** Each record needs its manifest, config, each layer as it came or as a tar, and its snapshot. */
function imageFlaws(root: string): string[] {
  return filesIn(root, 'images')
    .filter(isJson)
    .flatMap(name => {
      const record = readJson<ImageRecord>(root, 'images', name)
      if (record === undefined) return [`image ${name} is damaged`]
      const { manifest, target, chainId, snapshotter } = record
      const missing = [manifest, target]
        .filter(blob => !hasBlob(root, blob.digest))
        .map(blob => `image ${name} lacks ${blob.digest}`)
      const document = readBlob<Manifest>(root, manifest.digest)
      const config = document === undefined ? undefined : readBlob<Config>(root, document.config.digest)
      if (document === undefined || config === undefined) return [...missing, `image ${name} lacks its documents`]
      const diffIds = config.rootfs.diff_ids
      for (const [n, layer] of document.layers.entries()) {
        if (!hasBlob(root, layer.digest) && !hasBlob(root, diffIds[n] ?? ''))
          missing.push(`image ${name} lacks layer ${n}`)
      }
      return chainId === undefined ? missing : [...missing, ...chainFlaws(root, snapshotter, chainId)]
    })
}

function chainFlaws(root: string, snapshotter = '', chainId: string): string[] {
  const id = createHash('sha256').update(`${snapshotter}\0${chainId}`).digest('hex').slice(0, 32)
  const record = readJson<SnapshotRecord>(root, 'snapshots', id, 'record.json')
  if (record === undefined || record.key !== chainId) return [`there is no snapshot ${snapshotter}/${chainId}`]
  const below = record.parent === undefined ? [] : chainFlaws(root, snapshotter, record.parent)
  if (snapshotter !== 'erofs')
    return existsSync(join(root, 'snapshots', id, 'fs')) ? below : [`snapshot ${id} has no fs`]
  const tars = record.diffIds
  return [...below, ...tars.filter(tar => !hasBlob(root, tar)).map(tar => `snapshot ${id} lacks ${tar}`)]
}

/** What other tools read: each named image is whole. */
function indexFlaws(root: string): string[] {
  if (!existsSync(join(root, 'index.json'))) return []
  const index = readJson<{ readonly manifests: readonly Blob[] }>(root, 'index.json')
  if (index === undefined) return ['index.json is damaged']
  return index.manifests.flatMap(({ digest }) => {
    const manifest = readBlob<Manifest>(root, digest)
    const blobs = manifest === undefined ? [] : [manifest.config, ...manifest.layers]
    return manifest !== undefined && blobs.every(blob => hasBlob(root, blob.digest))
      ? []
      : [`index.json names ${digest}, which isn’t whole`]
  })
}

/** An EROFS image of a committed snapshot is a whole one; that of an active one may be in the making. */
function snapshotFlaws(root: string): string[] {
  return filesIn(root, 'snapshots')
    .filter(name => /^[0-9a-f]{32}$/.test(name))
    .flatMap(id => {
      const record = readJson<SnapshotRecord>(root, 'snapshots', id, 'record.json')
      if (record === undefined) return [`snapshot ${id} has no record`]
      const image = join(root, 'snapshots', id, 'rootfs.erofs')
      if (record.kind !== 'committed' || !existsSync(image)) return []
      const bytes = readFileSync(image)
      if (bytes.length < 2048) return [`snapshot ${id} has an image of ${bytes.length} bytes`]
      return bytes.readUInt32LE(1024) === 0xe0f5e1e2 ? [] : [`snapshot ${id} has a damaged image`]
    })
}

const isJson = (name: string) => name.endsWith('.json')

function filesIn(...path: string[]): readonly string[] {
  return existsSync(join(...path)) ? readdirSync(join(...path)) : []
}

function hasBlob(root: string, digest: string): boolean {
  return existsSync(join(root, 'blobs', ...digest.split(':')))
}

function readBlob<T>(root: string, digest: string): T | undefined {
  return readJson<T>(root, 'blobs', ...digest.split(':'))
}

function readJson<T>(...path: string[]): T | undefined {
  try {
    return JSON.parse(readFileSync(join(...path), 'utf8')) as T
  } catch {
    return undefined
  }
}
