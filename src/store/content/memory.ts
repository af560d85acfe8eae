import { ImageError } from '../../errors.ts'
import type { Digest } from '../../spec/digest.ts'
import { Seats } from '../seats.ts'
import { memoryLabels } from './labels.ts'
import { MemoryIngest, type MemoryPartial } from './memory-ingest.ts'
import type { BlobInfo, ContentStore } from './store.ts'

interface MemoryBlob {
  readonly bytes: Uint8Array
  readonly createdAt: Date
}

/** Blobs of one process, gone with it: for pulls that are only looked at, and for tests. */
export function openMemoryStore(): ContentStore {
  const blobs = new Map<Digest, MemoryBlob>()
  const partials = new Map<string, MemoryPartial>()
  const labels = memoryLabels()
  const seats = new Seats()
  const held = new Set<MemoryIngest>()

  function find(digest: Digest): MemoryBlob {
    const blob = blobs.get(digest)
    if (blob === undefined) throw notFound('blob', digest)
    return blob
  }

  async function info(digest: Digest): Promise<BlobInfo> {
    const { bytes, createdAt } = find(digest)
    return { digest, size: bytes.length, createdAt, labels: await labels.get(digest) }
  }

  return {
    info,
    async open(digest) {
      const { bytes } = find(digest)
      return {
        size: bytes.length,
        path: undefined,
        read: async (offset, length) => new Uint8Array(bytes.subarray(offset, offset + length)),
        close: async () => {},
      }
    },
    async ingest(key, want, options) {
      if (blobs.has(want.digest)) return await info(want.digest)
      const leave = await seats.take(key, options)
      if (blobs.has(want.digest)) {
        leave()
        return await info(want.digest)
      }
      const partial = partials.get(key) ?? { chunks: [], size: 0, startedAt: new Date(), updatedAt: new Date() }
      partials.set(key, partial)
      const ingest = new MemoryIngest(key, want, partial, {
        async publish(bytes, given) {
          await labels.change(want.digest, given)
          if (!blobs.has(want.digest)) blobs.set(want.digest, { bytes, createdAt: new Date() })
          return await info(want.digest)
        },
        end(keep) {
          if (!keep) partials.delete(key)
          held.delete(ingest)
          leave()
        },
      })
      held.add(ingest)
      return ingest
    },
    async label(digest, changes) {
      find(digest)
      await labels.change(digest, changes)
      return await info(digest)
    },
    async *walk() {
      for (const digest of [...blobs.keys()]) yield await info(digest)
    },
    async invalidate(digest) {
      find(digest)
      blobs.delete(digest)
    },
    async delete(digest) {
      find(digest)
      await labels.clear([digest])
      blobs.delete(digest)
    },
    async discard(digests) {
      await labels.clear(digests)
      for (const digest of digests) blobs.delete(digest)
      return async () => {}
    },
    async *orphans() {
      for await (const one of labels.walk()) if (!blobs.has(one.digest)) yield one
    },
    async *ingests() {
      for (const [key, { size, total, startedAt, updatedAt }] of [...partials]) {
        const status = { key, offset: size, startedAt, updatedAt }
        yield total === undefined ? status : { ...status, total }
      }
    },
    async abort(key) {
      if (!partials.has(key)) throw notFound('ingest', key)
      const leave = await seats.take(key, { lockTimeoutMs: 0 })
      partials.delete(key)
      leave()
    },
    cleanup: async () => 0,
    async close() {
      await Promise.all([...held].map(ingest => ingest.close()))
    },
  }
}

function notFound(what: string, name: string): ImageError {
  return new ImageError('NOT_FOUND', `Cannot find ${what} ${name}`, { what, name })
}
