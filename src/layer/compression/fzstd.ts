import { Decompress } from 'fzstd'
import { ImageError } from '../../errors.ts'
import { gather } from './gather.ts'
import { zstdFrames } from './zstd-frames.ts'

/**
 * Decodes zstd in plain JavaScript, for want of anything faster. It doesn't verify the frames' checksums: the
 * digests of the blob and of its content stand in for them.
 */
export function fzstd(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  return gather(blocks(source))
}

async function* blocks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let decoded: Uint8Array[] = []
  let decoder: Decompress | undefined
  for await (const { bytes, last } of zstdFrames(source)) {
    decoder ??= new Decompress(block => decoded.push(block))
    push(decoder, bytes, last)
    if (last) decoder = undefined
    yield* decoded
    decoded = []
  }
}

function push(decoder: Decompress, bytes: Uint8Array, last: boolean): void {
  try {
    decoder.push(bytes, last)
  } catch (cause) {
    throw new ImageError('MALFORMED', `Cannot decompress the layer: ${String(cause)}`, { what: 'zstd' }, { cause })
  }
}
