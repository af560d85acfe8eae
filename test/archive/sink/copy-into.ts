import type { Sink } from '../../../src/archive/sink/sink.ts'
import { type Copied, copyImage } from '../../../src/copy/copy.ts'
import type { Fetcher } from '../../../src/registry/registry.ts'
import type { Descriptor } from '../../../src/spec/descriptor.ts'
import type { Digest } from '../../../src/spec/digest.ts'
import type { BuiltImage } from '../../support/image.ts'

const { signal } = new AbortController()

/** Of what is in memory; `wrong`: of this one, zeros. */
export function fetcherOf({ blobs }: BuiltImage, wrong?: Digest): Fetcher {
  return {
    async fetch({ digest }, { offset = 0 } = {}) {
      const bytes = blobs.get(digest) ?? new Uint8Array()
      async function* pieces() {
        const all = digest === wrong ? Buffer.alloc(bytes.length) : bytes
        for (let at = offset; at < all.length; at += 30_000) yield Uint8Array.from(all.subarray(at, at + 30_000))
      }
      return { reuse() {}, close() {}, [Symbol.asyncIterator]: pieces }
    },
  }
}

/** All of it, under a tag; the sink is closed in any case. */
export async function copyInto(
  sink: Sink,
  built: BuiltImage,
  tag: string | undefined,
  wrong?: Digest,
): Promise<Copied & { readonly made: Descriptor | undefined }> {
  try {
    const parts = { fetcher: fetcherOf(built, wrong), pusher: sink }
    const copied = await copyImage(parts, built.target, { tag, name: 'sink', signal })
    return { ...copied, made: await sink.end() }
  } finally {
    await sink.close()
  }
}
