import type { Fetcher } from '../registry/registry.ts'
import type { Digest } from '../spec/digest.ts'
import { piecesOf } from '../store/content/read.ts'
import type { ContentStore } from '../store/content/store.ts'

/** Hands out the blobs of a store, and a document that isn't in it. Errors: NOT_FOUND. */
export function fetcherOf(store: ContentStore, made: ReadonlyMap<Digest, Uint8Array> = new Map()): Fetcher {
  return {
    async fetch({ digest }, { offset = 0, signal } = {}) {
      const bytes = made.get(digest)
      const blob = bytes === undefined ? await store.open(digest) : undefined
      async function* pieces() {
        try {
          if (bytes !== undefined) yield bytes.slice(offset)
          if (blob !== undefined) yield* piecesOf(blob, { offset, signal })
        } finally {
          await blob?.close()
        }
      }
      return { reuse() {}, close: () => void blob?.close(), [Symbol.asyncIterator]: pieces }
    },
  }
}
