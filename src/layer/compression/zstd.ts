import * as zlib from 'node:zlib'
import { ImageError } from '../../errors.ts'
import { Chunks } from '../../system/chunks.ts'
import type { Decoder } from '../../system/sys/decoder.ts'
import { libzstd } from '../../system/sys/libzstd.ts'
import type { Compression } from './compression.ts'
import { drive, type Engine, engineOptions } from './engine.ts'
import { fzstd } from './fzstd.ts'
import { Input } from './input.ts'
import { driveSteps, givingBack } from './steps.ts'
import { isFrameMagic, zstdFrames } from './zstd-frames.ts'

/** Decodes a stream of frames, one after another. */
type Decode = (source: AsyncIterable<Uint8Array>, chunks: Chunks) => AsyncIterable<Uint8Array>

/** Node has it from 22.15 on. */
const { createZstdDecompress } = zlib as typeof zlib & {
  readonly createZstdDecompress?: (options: typeof engineOptions) => Engine
}

/** By the system's libzstd where there is one, else by Node, else in plain JavaScript. */
export const zstd = zstdBy((source, chunks) => {
  const open = libzstd()
  if (open !== undefined) return decodeBySteps(open, source, chunks)
  return createZstdDecompress === undefined ? fzstd(source) : decodeNatively(createZstdDecompress, source)
})

/** Which of them this machine has. */
export function zstdDecoder(): string {
  if (libzstd() !== undefined) return 'libzstd'
  return createZstdDecompress === undefined ? 'JavaScript' : 'Node'
}

/** zstd with a decoder of the caller's choice. */
export function zstdBy(decode: Decode): Compression {
  return {
    name: 'zstd',
    detect: head => head.length >= 4 && isFrameMagic(new DataView(head.buffer, head.byteOffset).getUint32(0, true)),
    decompress: (source, chunks = new Chunks()) => decode(source, chunks),
  }
}

async function* decodeBySteps(
  open: () => Decoder,
  source: AsyncIterable<Uint8Array>,
  chunks: Chunks,
): AsyncGenerator<Uint8Array> {
  const input = new Input(framesOf(givingBack(source, chunks)))
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
async function* decodeNatively(
  create: (options: typeof engineOptions) => Engine,
  source: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const input = new Input(framesOf(source))
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

/** The bytes of the frames, without the skippable ones. */
async function* framesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of zstdFrames(source)) yield bytes
}
