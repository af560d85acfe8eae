import { readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, hasCode, ImageError } from '../errors.ts'
import { digestOf, hexOf } from '../spec/digest.ts'
import { formatPlatform, normalizePlatform, type Platform } from '../spec/platform.ts'
import { diskError } from '../system/disk-error.ts'
import { syncDirectory, writeFileDurably } from '../system/files.ts'
import { lock } from '../system/locks.ts'
import { formatImageRecord, parseImageRecord } from './image-record.ts'
import type { ImageRecord, ImageStore } from './images.ts'
import type { Layout } from './layout.ts'
import { writeOciIndex } from './oci-index.ts'

/** A file a record. A damaged one is an error, never a missing image: a collection would believe it. */
export function openFsImages(layout: Layout, { durable = true }: { readonly durable?: boolean } = {}): ImageStore {
  const pathOf = (reference: string, platform: Platform) => join(layout.images, imageFileName(reference, platform))

  function records(prefix = ''): readonly ImageRecord[] {
    const names = readdirSync(layout.images).filter(name => name.startsWith(prefix) && name.endsWith('.json'))
    return names.flatMap(name => readRecord(join(layout.images, name)) ?? [])
  }

  function recordsOf(reference: string): readonly ImageRecord[] {
    return records(referencePrefix(reference)).filter(record => record.reference === reference)
  }

  /** Changes records, one process at a time, and then what is derived from them. */
  async function change<T>(work: () => T): Promise<T> {
    try {
      const held = await lock(layout.lock('images'))
      try {
        for (const directory of [layout.root, layout.images]) removeStaging(directory)
        const result = work()
        writeOciIndex(layout, records(), { durable })
        return result
      } finally {
        held.release()
      }
    } catch (error) {
      throw diskError(error, layout.images)
    }
  }

  return {
    get: async reference => recordsOf(reference),
    set: image =>
      change(() => {
        const path = pathOf(image.reference, image.platform)
        const updatedAt = new Date().toISOString()
        const record = { ...image, createdAt: readRecord(path)?.createdAt ?? updatedAt, updatedAt }
        writeFileDurably(path, formatImageRecord(record), { durable })
        return record
      }),
    remove: (reference, platform) =>
      change(() => {
        const wanted = platform === undefined ? undefined : pathOf(reference, platform)
        const found = recordsOf(reference).filter(
          record => wanted === undefined || wanted === pathOf(reference, record.platform),
        )
        if (found.length === 0) {
          throw new ImageError('NOT_FOUND', `Cannot find image ${reference}`, { what: 'image', name: reference })
        }
        for (const record of found) rmSync(pathOf(reference, record.platform))
        if (durable) syncDirectory(layout.images)
        return found
      }),
    async *walk() {
      yield* records()
    },
    async use({ reference, platform }) {
      const now = new Date()
      try {
        utimesSync(pathOf(reference, platform), now, now)
      } catch {
        // Without a record there is nothing to keep; a disk that takes no note keeps the older one.
      }
    },
    usedAt: async ({ reference, platform }) => usedAt(pathOf(reference, platform)),
    removeUnused: images =>
      change(() => {
        const gone = images.filter(({ image, usedAt: then }) => {
          const path = pathOf(image.reference, image.platform)
          if (usedAt(path).getTime() !== then.getTime()) return false
          rmSync(path, { force: true })
          return true
        })
        if (durable) syncDirectory(layout.images)
        return gone.map(({ image }) => image)
      }),
    refresh: () => change(() => {}),
  }
}

function readRecord(path: string): ImageRecord | undefined {
  try {
    return parseImageRecord(readFileSync(path), path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    if (!hasCode(error, 'MALFORMED')) throw error
    const hint = 'remove that file and pull the image again'
    throw new ImageError('MALFORMED', error.message, error.details, { cause: error, hint })
  }
}

/** The time of the file: noting it needs no rewriting, so it can't damage the record, and waits for no disk. */
function usedAt(path: string): Date {
  return statSync(path, { throwIfNoEntry: false })?.mtime ?? new Date(0)
}

/** What a crash in the middle of a durable write has left. */
function removeStaging(directory: string): void {
  const names = readdirSync(directory).filter(name => name.endsWith('.new'))
  for (const name of names) rmSync(join(directory, name))
}

function referencePrefix(reference: string): string {
  return `${hexOf(digestOf(reference)).slice(0, 32)}-`
}

/** The name of an image's record. */
export function imageFileName(reference: string, platform: Platform): string {
  const spelling = formatPlatform(normalizePlatform(platform))
  return `${referencePrefix(reference)}${hexOf(digestOf(spelling)).slice(0, 16)}.json`
}
