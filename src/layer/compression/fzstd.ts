import { Decompress } from 'fzstd'
import { ImageError } from '../../errors.ts'
import { gather } from './gather.ts'
import type { FramePiece } from './zstd-frames.ts'

/**
 * Decodes zstd frames in plain JavaScript, for want of anything faster. It doesn't verify the frames' checksums: the
 * digests of the blob and of its content stand in for them.
 */
export function fzstd(frames: AsyncIterable<FramePiece>): AsyncGenerator<Uint8Array> {
  return gather(blocks(frames))
}

async function* blocks(frames: AsyncIterable<FramePiece>): AsyncGenerator<Uint8Array> {
  let decoded: Uint8Array[] = []
  let decoder: Decompress | undefined
  for await (const { bytes, last } of frames) {
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
