import { ImageError } from '../errors.ts'
import { formatPlatform, normalizePlatform, type Platform } from '../spec/platform.ts'
import type { ImageRecord, ImageStore } from './images.ts'

export function openMemoryImages(): ImageStore {
  const records = new Map<string, ImageRecord>()
  const of = (reference: string) => [...records.values()].filter(record => record.reference === reference)
  return {
    get: async reference => of(reference),
    async set(image) {
      const key = keyOf(image.reference, image.platform)
      const updatedAt = new Date().toISOString()
      const record = { ...image, createdAt: records.get(key)?.createdAt ?? updatedAt, updatedAt }
      records.set(key, record)
      return record
    },
    async remove(reference, platform) {
      const wanted = platform === undefined ? undefined : keyOf(reference, platform)
      const found = of(reference).filter(image => wanted === undefined || wanted === keyOf(reference, image.platform))
      if (found.length === 0) {
        throw new ImageError('NOT_FOUND', `Cannot find image ${reference}`, { what: 'image', name: reference })
      }
      for (const record of found) records.delete(keyOf(reference, record.platform))
      return found
    },
    async *walk() {
      yield* [...records.values()]
    },
    refresh: async () => {},
  }
}

function keyOf(reference: string, platform: Platform): string {
  return `${reference} ${formatPlatform(normalizePlatform(platform))}`
}
