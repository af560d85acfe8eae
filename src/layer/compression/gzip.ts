import { createGunzip } from 'node:zlib'
import { ImageError } from '../../errors.ts'
import { Chunks } from '../../system/chunks.ts'
import { isal } from '../../system/sys/isal.ts'
import type { Compression } from './compression.ts'
import { drive, engineOptions } from './engine.ts'
import { Input } from './input.ts'
import { driveSteps, givingBack } from './steps.ts'

/**
 * Decodes the gzip member at which `input` stands, checksum and length verified, and perhaps those right behind it;
 * `input` is left after the last one.
 */
export type Inflate = (input: Input) => AsyncIterable<Uint8Array>

/** Each costs a new decoder. No real stream comes near; they are padded, if at all, at their end. */
const maxPaddedMembers = 4096

/** By the system's ISA-L where there is one, else by Node's zlib. */
export const gzip = gzipOf((source, chunks) => {
  const open = isal()
  if (open === undefined) return members(inflateByNode, source)
  const inflate = (input: Input) => driveSteps('gzip', open(), input, byte => byte !== 0, chunks)
  return members(inflate, givingBack(source, chunks))
})

/** Which of them this machine has. */
export function gzipDecoder(): string {
  return isal() === undefined ? 'Node' : 'ISA-L'
}

/** gzip with a decoder of the caller's choice. */
export function gzipBy(inflate: Inflate): Compression {
  return gzipOf(source => members(inflate, source))
}

function gzipOf(decode: (source: AsyncIterable<Uint8Array>, chunks: Chunks) => AsyncIterable<Uint8Array>): Compression {
  return {
    name: 'gzip',
    detect: head => head[0] === 0x1f && head[1] === 0x8b && head[2] === 0x08,
    decompress: (source, chunks = new Chunks()) => decode(source, chunks),
  }
}

/** Source: RFC 1952; padding with NULs is a habit of tapes that gzip(1) accepts. */
async function* members(inflate: Inflate, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = new Input(source)
  try {
    let padded = 0
    do {
      yield* inflate(input)
      padded++
      if (padded > maxPaddedMembers) throw tooManyMembers()
    } while (await skipNuls(input))
  } finally {
    await input.close()
  }
}

/** node:zlib goes on to the next member by itself, and stops at a NUL or at the end. */
export function inflateByNode(input: Input): AsyncIterable<Uint8Array> {
  return drive('gzip', createGunzip(engineOptions), input)
}

/** False at the end of input. */
async function skipNuls(input: Input): Promise<boolean> {
  for (let chunk = await input.next(); chunk !== undefined; chunk = await input.next()) {
    const rest = chunk.findIndex(byte => byte !== 0)
    if (rest < 0) continue
    input.unread(chunk.subarray(rest))
    return true
  }
  return false
}

function tooManyMembers(): ImageError {
  return new ImageError(
    'LIMIT_EXCEEDED',
    `Cannot decompress the layer: more than ${maxPaddedMembers} gzip members between NULs`,
    { limit: 'gzip members between NULs', max: maxPaddedMembers },
  )
}
