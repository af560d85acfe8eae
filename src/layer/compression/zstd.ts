import * as zlib from 'node:zlib'
import { ImageError } from '../../errors.ts'
import { Chunks } from '../../system/chunks.ts'
import type { Decoder } from '../../system/sys/decoder.ts'
import { libzstd } from '../../system/sys/libzstd.ts'
import type { Compression } from './compression.ts'
import { drive, type Engine, engineOptions } from './engine.ts'
import { fzstd } from './fzstd.ts'
import { Input } from './input.ts'
import { driveSteps } from './steps.ts'
import { type FramePiece, isFrameMagic, zstdFrames } from './zstd-frames.ts'

/** Decodes frames, one after another, none of them skippable. */
type DecodeFrames = (frames: AsyncIterable<FramePiece>, chunks: Chunks) => AsyncIterable<Uint8Array>

/** Node has it from 22.15 on. */
const { createZstdDecompress } = zlib as typeof zlib & {
  readonly createZstdDecompress?: (options: typeof engineOptions) => Engine
}

/** By the system's libzstd where there is one, else by Node, else in plain JavaScript. */
export const zstd = zstdBy((frames, chunks) => {
  const open = libzstd()
  if (open !== undefined) return decodeBySteps(open, frames, chunks)
  return createZstdDecompress === undefined ? fzstd(frames) : decodeNatively(createZstdDecompress)(frames, chunks)
})

/** zstd with a decoder of the caller's choice. */
export function zstdBy(decode: DecodeFrames): Compression {
  return {
    name: 'zstd',
    detect: head => head.length >= 4 && isFrameMagic(new DataView(head.buffer, head.byteOffset).getUint32(0, true)),
    decompress: (source, chunks = new Chunks()) => decode(zstdFrames(source), chunks),
  }
}

async function* decodeBySteps(
  open: () => Decoder,
  frames: AsyncIterable<FramePiece>,
  chunks: Chunks,
): AsyncGenerator<Uint8Array> {
  const input = new Input(bytesOf(frames))
  try {
    const first = await input.next()
    if (first === undefined) return
    input.unread(first)
    yield* driveSteps('zstd', open(), input, () => true, chunks)
  } finally {
    await input.close()
  }
}

/** node:zlib goes on to a next frame only if that begins a write of its own: as the pieces do. */
function decodeNatively(create: (options: typeof engineOptions) => Engine): DecodeFrames {
  return async function* decode(frames) {
    const input = new Input(bytesOf(frames))
    try {
      const first = await input.next()
      if (first === undefined) return
      input.unread(first)
      yield* drive('zstd', create(engineOptions), input)
      if ((await input.next()) === undefined) return
      throw new ImageError('MALFORMED', 'Cannot decompress the layer: a frame ends early', { what: 'zstd' })
    } finally {
      await input.close()
    }
  }
}

async function* bytesOf(frames: AsyncIterable<FramePiece>): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of frames) yield bytes
}
