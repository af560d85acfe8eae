import { type Dirent, readdirSync, readFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { errnoOf, hasCode } from '../errors.ts'
import { type Digest, isDigest } from '../spec/digest.ts'
import { imageFileName } from './fs-images.ts'
import { parseImageRecord } from './image-record.ts'
import type { ImageRecord } from './images.ts'
import { algorithms, ingestKey, type Layout } from './layout.ts'

/** What lies under a root, by the names of the files alone: nothing is believed, and no database asked. */
export interface Inventory {
  readonly blobs: readonly Digest[]
  /** Diff IDs that have an index. */
  readonly indexes: readonly Digest[]
  readonly images: readonly ImageRecord[]
  /** Paths of image records that can't be read, with the reason. */
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[]
  /** Paths, from the root, of what davit never puts there. */
  readonly extra: readonly string[]
}

/** A durable write in the making; whoever makes it will rename it, or a later run remove it. */
const STAGED = /\.new$/

export function takeInventory(layout: Layout): Inventory {
  const extra: string[] = []
  const images: ImageRecord[] = []
  const unreadable: { path: string; reason: string }[] = []

  function digestsIn(directory: (algorithm: (typeof algorithms)[number]) => string): readonly Digest[] {
    return algorithms.flatMap(algorithm =>
      entriesOf(directory(algorithm)).flatMap(entry => {
        const digest = `${algorithm}:${entry.name}`
        if (entry.isFile() && isDigest(digest)) return [digest]
        if (!STAGED.test(entry.name)) extra.push(join(directory(algorithm), entry.name))
        return []
      }),
    )
  }

  const blobs = digestsIn(layout.blobs)
  const indexes = digestsIn(layout.indexes)
  for (const { name } of entriesOf(layout.images)) {
    const path = join(layout.images, name)
    if (!name.endsWith('.json')) {
      if (!STAGED.test(name)) extra.push(path)
      continue
    }
    const read = readRecord(path)
    if (read === undefined) continue
    if ('reason' in read) unreadable.push({ path, ...read })
    else if (imageFileName(read.reference, read.platform) === name) images.push(read)
    else unreadable.push({ path, reason: `it is the record of ${read.reference}` })
  }
  const own = new Set([layout.root, ...layout.directories, layout.version, layout.ociLayout, layout.ociIndex])
  for (const directory of [layout.root, join(layout.root, 'blobs'), join(layout.root, 'indexes')]) {
    for (const { name } of entriesOf(directory)) {
      const path = join(directory, name)
      if (!own.has(path) && path !== layout.trash && !STAGED.test(name)) extra.push(path)
    }
  }
  for (const { name } of entriesOf(layout.ingests)) {
    if (ingestKey(name) === undefined) extra.push(join(layout.ingests, name))
  }
  return { blobs, indexes, images, unreadable, extra: extra.map(path => relative(layout.root, path)) }
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

function readRecord(path: string): ImageRecord | { readonly reason: string } | undefined {
  try {
    return parseImageRecord(readFileSync(path), basename(path))
  } catch (error) {
    // Somebody has just removed it.
    if (errnoOf(error) === 'ENOENT') return undefined
    if (hasCode(error, 'MALFORMED')) return { reason: error.message }
    throw error
  }
}
