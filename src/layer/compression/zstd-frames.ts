import { ImageError } from '../../errors.ts'

/** A stretch of one zstd frame. */
export interface FramePiece {
  readonly bytes: Uint8Array
  /** It ends its frame. */
  readonly last: boolean
}

const frameMagic = 0xfd2fb528
/** The low four bits are the writer's. */
const skippableMagic = 0x184d2a50
/** What zstd decoders allow unless told otherwise. */
const maxWindowBytes = 2 ** 27
const maxBlockBytes = 2 ** 17

/** True for the first four bytes of any frame. */
export function isFrameMagic(magic: number): boolean {
  return magic === frameMagic || isSkippable(magic)
}

/**
 * Finds the frames of a zstd stream from their headers and block headers, without decoding. Skippable ones are left out.
 *
 * Decoders stop after one frame, or pass over what follows: so they are given exactly the frames.
 *
 * Shape:  pieces are views of the chunks, but for a magic number that lay across two.
 * Errors: MALFORMED (truncated, or anything that isn't a frame), UNSUPPORTED (dictionary), LIMIT_EXCEEDED (window).
 * Source: RFC 8878, §3.1.
 */
export async function* zstdFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<FramePiece> {
  const scanner = new FrameScanner()
  for await (const chunk of source) yield* scanner.push(chunk)
  scanner.end()
}

type Part = 'magic' | 'skipSize' | 'skip' | 'descriptor' | 'header' | 'block' | 'payload' | 'checksum'

class FrameScanner {
  #part: Part = 'magic'
  /** Bytes of this part still to come. */
  #left = 4
  /** The part's bytes, for those that say something. */
  readonly #field = Buffer.alloc(16)
  #filled = 0
  #descriptor = 0
  #lastBlock = false
  #frames = 0;

  *push(chunk: Uint8Array): Generator<FramePiece> {
    let start = this.#inFrame() ? 0 : undefined
    for (let at = 0; at < chunk.length; ) {
      const length = Math.min(this.#left, chunk.length - at)
      this.#keep(chunk.subarray(at, at + length))
      at += length
      this.#left -= length
      if (this.#left > 0) break
      const wasInFrame = start !== undefined
      this.#next()
      if (!wasInFrame && this.#inFrame()) {
        start = at - 4
        if (start >= 0) continue
        yield { bytes: Uint8Array.from(this.#field.subarray(0, 4)), last: false }
        start = at
      } else if (wasInFrame && !this.#inFrame()) {
        yield { bytes: chunk.subarray(start, at), last: true }
        start = undefined
      }
    }
    if (start !== undefined && start < chunk.length) yield { bytes: chunk.subarray(start), last: false }
  }

  end(): void {
    if (this.#part !== 'magic' || this.#left !== 4 || this.#frames === 0) throw malformed('it is cut off')
  }

  #inFrame(): boolean {
    return this.#part !== 'magic' && this.#part !== 'skipSize' && this.#part !== 'skip'
  }

  #keep(bytes: Uint8Array): void {
    if (this.#part === 'skip' || this.#part === 'payload' || this.#part === 'checksum') return
    this.#field.set(bytes, this.#filled)
    this.#filled += bytes.length
  }

  #expect(part: Part, bytes: number): void {
    this.#part = part
    this.#left = bytes
    this.#filled = 0
  }

  /** Goes on to the part after the one that is complete. */
  #next(): void {
    const field = this.#field
    switch (this.#part) {
      case 'magic':
        this.#onMagic(field.readUInt32LE())
        return
      case 'skipSize': {
        const size = field.readUInt32LE()
        if (size === 0) this.#expect('magic', 4)
        else this.#expect('skip', size)
        return
      }
      case 'descriptor':
        this.#descriptor = field.readUInt8()
        if ((this.#descriptor & reservedBit) !== 0) throw malformed('a frame header has an unknown flag')
        this.#expect('header', headerBytes(this.#descriptor))
        return
      case 'header':
        checkHeader(this.#descriptor, field)
        this.#expect('block', 3)
        return
      case 'block':
        this.#onBlock(field.readUIntLE(0, 3))
        return
      case 'payload':
        this.#afterBlock()
        return
      case 'skip':
      case 'checksum':
        this.#expect('magic', 4)
        return
    }
  }

  #onMagic(magic: number): void {
    if (!isFrameMagic(magic)) throw malformed('bytes that are no frame')
    this.#frames++
    if (magic === frameMagic) this.#expect('descriptor', 1)
    else this.#expect('skipSize', 4)
  }

  #onBlock(header: number): void {
    const type = (header >> 1) & 3
    const size = header >> 3
    if (type === 3) throw malformed('a block of a reserved type')
    if (size > maxBlockBytes) throw malformed('a block above 128 KiB')
    this.#lastBlock = (header & 1) === 1
    const stored = type === runLength ? 1 : size
    if (stored > 0) this.#expect('payload', stored)
    else this.#afterBlock()
  }

  #afterBlock(): void {
    if (!this.#lastBlock) this.#expect('block', 3)
    else if ((this.#descriptor & checksumBit) !== 0) this.#expect('checksum', 4)
    else this.#expect('magic', 4)
  }
}

const singleSegmentBit = 0x20
const reservedBit = 0x08
const checksumBit = 0x04
const runLength = 1

function isSkippable(magic: number): boolean {
  return magic - (magic & 0xf) === skippableMagic
}

function dictionaryBytes(descriptor: number): number {
  return [0, 1, 2, 4][descriptor & 3] ?? 0
}

function contentSizeBytes(descriptor: number): number {
  const single = (descriptor & singleSegmentBit) !== 0
  return [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0
}

/** Window, dictionary and content size; one byte at least. */
function headerBytes(descriptor: number): number {
  const window = (descriptor & singleSegmentBit) === 0 ? 1 : 0
  return window + dictionaryBytes(descriptor) + contentSizeBytes(descriptor)
}

function checkHeader(descriptor: number, header: Buffer): void {
  const single = (descriptor & singleSegmentBit) !== 0
  const dictionary = dictionaryBytes(descriptor)
  const start = single ? 0 : 1
  if (dictionary > 0 && header.readUIntLE(start, dictionary) !== 0) {
    throw new ImageError('UNSUPPORTED', 'Cannot decompress the layer: it needs a zstd dictionary', {
      what: 'zstd dictionary',
    })
  }
  // A single segment is its own window.
  const window = single
    ? contentSize(header.subarray(dictionary, dictionary + contentSizeBytes(descriptor)))
    : windowBytes(header.readUInt8())
  if (window <= maxWindowBytes) return
  throw new ImageError(
    'LIMIT_EXCEEDED',
    `Cannot decompress the layer: a zstd window of ${window} bytes is above ${maxWindowBytes}`,
    { limit: 'zstd window bytes', max: maxWindowBytes, actual: window },
  )
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

/** But for the 256 that one of two bytes lacks, far below any limit. */
function contentSize(field: Buffer): number {
  return field.length === 8 ? Number(field.readBigUInt64LE()) : field.readUIntLE(0, field.length)
}

function malformed(found: string): ImageError<'MALFORMED'> {
  return new ImageError('MALFORMED', `Cannot decompress the layer: ${found}`, { what: 'zstd' })
}
