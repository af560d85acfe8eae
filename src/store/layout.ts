import { join } from 'node:path'
import { type Algorithm, algorithmOf, type Digest, hexOf } from '../spec/digest.ts'

/** Format of what lies under ROOT. A program refuses a newer one. */
export const LAYOUT_VERSION = 1

/** Where things are under ROOT. Nothing else knows. */
export interface Layout {
  readonly root: string
  /** The format version as text; written last, so whoever reads it finds everything else. */
  readonly version: string
  readonly ingests: string
  readonly images: string
  readonly snapshots: string
  readonly db: string
  /** What was taken away and is about to be deleted; made when it is needed. */
  readonly trash: string
  /** Kernel lock files of running operations. */
  readonly leases: string
  readonly ociLayout: string
  readonly ociIndex: string
  /** Every directory, parents first. */
  readonly directories: readonly string[]
  blobs(algorithm: Algorithm): string
  blob(digest: Digest): string
  indexes(algorithm: Algorithm): string
  /** The layer index of a diff ID. */
  index(diffId: Digest): string
  /** The partial blob of an ingest; a file with one holder by flock. */
  ingest(key: string): string
  lock(name: 'collection' | 'sweep' | 'images' | 'db' | 'users'): string
}

export const algorithms: readonly Algorithm[] = ['sha256', 'sha512']

export function layoutOf(root: string): Layout {
  const at = (...names: readonly string[]) => join(root, ...names)
  const perAlgorithm = algorithms.flatMap(algorithm => [at('blobs', algorithm), at('indexes', algorithm)])
  return {
    root,
    version: at('version'),
    ingests: at('ingest'),
    images: at('images'),
    snapshots: at('snapshots'),
    db: at('db'),
    trash: at('trash'),
    leases: at('locks', 'leases'),
    ociLayout: at('oci-layout'),
    ociIndex: at('index.json'),
    directories: [
      ...['blobs', 'indexes', 'ingest', 'images', 'snapshots', 'db', 'locks'].map(name => at(name)),
      ...perAlgorithm,
      at('locks', 'leases'),
    ],
    blobs: algorithm => at('blobs', algorithm),
    blob: digest => at('blobs', algorithmOf(digest), hexOf(digest)),
    indexes: algorithm => at('indexes', algorithm),
    index: diffId => at('indexes', algorithmOf(diffId), hexOf(diffId)),
    ingest: key => at('ingest', ingestName(key)),
    lock: name => at('locks', name),
  }
}

/** A file name that the key can be read from again. */
function ingestName(key: string): string {
  return encodeURIComponent(key).replaceAll('.', '%2E')
}

/** The key of an ingest's file name; undefined when davit would not have written it. */
export function ingestKey(name: string): string | undefined {
  try {
    const key = decodeURIComponent(name)
    return ingestName(key) === name ? key : undefined
  } catch {
    return undefined
  }
}
