import { ImageError } from '../../errors.ts'
import type { Chunks } from '../../system/chunks.ts'
import type { Decoder } from '../../system/sys/decoder.ts'
import type { Input } from './input.ts'

/**
 * Decodes `input` by a system library: one stream after another, as long as `isNext` takes the byte behind one for the
 * first of the next; what follows is given back to `input`. It asks for more input only when it is done with what it has.
 *
 * Shape:  pieces of 1 MiB, but for the last; each has its memory to itself.
 * Errors: MALFORMED: corrupt, or ended too early; what `input` throws.
 */
export async function* driveSteps(
  what: string,
  decoder: Decoder,
  input: Input,
  isNext: (byte: number) => boolean,
  chunks: Chunks,
): AsyncGenerator<Uint8Array> {
  let output = chunks.take()
  let filled = 0
  let rest: Uint8Array = new Uint8Array(0)
  /** It filled all the room it had: there may be more of the same input. */
  let isFull = false
  let ended = false
  try {
    for (;;) {
      if (rest.length === 0 && !isFull) {
        const chunk = await input.next()
        if (chunk === undefined) break
        rest = chunk
      }
      if (ended) {
        if (!isNext(rest[0] ?? 0)) break
        decoder.reset()
      }
      const room = output.subarray(filled)
      const step = await decoder.step(rest, room).catch(cause => {
        throw malformed(what, cause instanceof Error ? cause.message : String(cause), cause)
      })
      if (step.read + step.written === 0 && rest.length > 0) throw malformed(what, 'it leads nowhere')
      rest = rest.subarray(step.read)
      filled += step.written
      ended = step.ended
      isFull = step.written === room.length && !ended
      if (filled === output.length) {
        yield output
        output = chunks.take()
        filled = 0
      }
    }
    if (!ended) throw malformed(what, 'it ends early')
    input.unread(rest)
    if (filled > 0) yield output.subarray(0, filled)
  } finally {
    decoder.close()
  }
}

/** `source`, for a receiver that is done with a chunk when it asks for the next one: each is given back to `chunks` then. */
export async function* givingBack(source: AsyncIterable<Uint8Array>, chunks: Chunks): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    yield chunk
    chunks.give(chunk)
  }
}

function malformed(what: string, found: string, cause?: unknown): ImageError {
  return new ImageError(
    'MALFORMED',
    `Cannot decompress the layer: ${found}`,
    { what },
    cause === undefined ? {} : { cause },
  )
}
