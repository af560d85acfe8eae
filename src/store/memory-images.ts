import { ImageError } from '../errors.ts'
import { formatPlatform, normalizePlatform, type Platform } from '../spec/platform.ts'
import type { ImageRecord, ImageStore } from './images.ts'

export function openMemoryImages(): ImageStore {
  const records = new Map<string, ImageRecord>()
  const uses = new Map<string, Date>()
  const of = (reference: string) => [...records.values()].filter(record => record.reference === reference)
  return {
    get: async reference => of(reference),
    async set(image) {
      const key = keyOf(image.reference, image.platform)
      const updatedAt = new Date().toISOString()
      const record = { ...image, createdAt: records.get(key)?.createdAt ?? updatedAt, updatedAt }
      records.set(key, record)
      uses.set(key, new Date())
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
    async use({ reference, platform }) {
      const key = keyOf(reference, platform)
      if (records.has(key)) uses.set(key, new Date())
    },
    usedAt: async ({ reference, platform }) => uses.get(keyOf(reference, platform)) ?? new Date(0),
    async removeUnused(images) {
      const gone = images.filter(({ image, usedAt }) => {
        const key = keyOf(image.reference, image.platform)
        return uses.get(key)?.getTime() === usedAt.getTime() && records.delete(key)
      })
      return gone.map(({ image }) => image)
    },
    refresh: async () => {},
  }
}

function keyOf(reference: string, platform: Platform): string {
  return `${reference} ${formatPlatform(normalizePlatform(platform))}`
}
