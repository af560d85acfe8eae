import { Chunks } from '../../system/chunks.ts'
import { sniff } from './index.ts'

/**
 * Unpacks `source` by what its bytes say, whatever a media type says. The next piece is being unpacked, by the thread
 * pool, while the receiver works on this one.
 *
 * Shape:  as {@link Compression.decompress}; pieces may be given back to `chunks` when they are done with; an empty source gives nothing.
 * Errors: MALFORMED, UNSUPPORTED, LIMIT_EXCEEDED, and what `source` throws.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  chunks = new Chunks(),
): AsyncGenerator<Uint8Array, undefined> {
  const pieces = unpacked(source[Symbol.asyncIterator](), chunks)
  let next = pieces.next()
  try {
    for (;;) {
      const { value, done } = await next
      if (done === true) return
      next = pieces.next()
      yield value
    }
  } finally {
    next.catch(() => {})
    await pieces.return(undefined)
  }
}

async function* unpacked(source: AsyncIterator<Uint8Array>, chunks: Chunks): AsyncGenerator<Uint8Array, undefined> {
  const first = await source.next()
  if (first.done === true) return
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield first.value
    yield* { [Symbol.asyncIterator]: () => source }
  }
  yield* sniff(first.value).decompress(whole(), chunks)
}
