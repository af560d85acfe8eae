import { ImageError } from '../../errors.ts'
import { assemble, type Draft, storedSize } from './assemble.ts'
import type { Segment, TarSink } from './entry.ts'
import { blockBytes, gnuSparse, type Header, padding, parseHeader } from './header.ts'
import { isMetadata, Metadata } from './metadata.ts'
import type { PaxSparse } from './pax.ts'
import { malformed } from './refusal.ts'
import { checkCount, parseGnuExtension, parseGnuSparse, type Region, SparseMap, segmentsOf } from './sparse.ts'

/**
 * Reads a tar that is pushed in chunks of any length; `sink` hears of what a chunk holds before `push` returns.
 *
 * File data reaches the sink as views of the chunk; only headers, and only those that lie across chunks, are copied.
 * What tar readers disagree about is refused, as is what must not reach a root file system. Bytes after the end mark
 * are ignored.
 *
 * Errors: MALFORMED, UNSAFE, LIMIT_EXCEEDED, UNSUPPORTED, and what the sink throws; then the reader is of no more use.
 * Source: POSIX.1-2017 pax; GNU tar manual, "Tar Internals".
 */
export class TarReader {
  readonly #sink: TarSink
  readonly #metadata = new Metadata()
  #state: 'collect' | 'data' | 'pad' | 'ended' = 'collect'
  #offset = 0
  #entries = 0
  #zeroBlock = false

  // collect: once `wanted` bytes are there, `take` gets them in one piece.
  #take: (bytes: Uint8Array) => void = this.#onHeader
  #wanted = blockBytes
  #carry = new Uint8Array(blockBytes)
  #carried = 0

  // data, pad: bytes left of the present segment, of the padding.
  #segments: readonly Segment[] = []
  #segment = 0
  #left = 0

  constructor(sink: TarSink) {
    this.#sink = sink
  }

  /** Entries found so far; what only extends another isn't one. */
  get entries(): number {
    return this.#entries
  }

  /** Bytes read so far, those after the end mark included. */
  get offset(): number {
    return this.#offset
  }

  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      switch (this.#state) {
        case 'collect':
          at += this.#collect(chunk, at)
          break
        case 'data':
          at += this.#data(chunk, at)
          break
        case 'pad':
          at += this.#pad(chunk, at)
          break
        case 'ended':
          this.#offset += chunk.length - at
          return
      }
    }
  }

  /**
   * Passes over what is left of the data that the reader is in, unseen: for whoever wants the entries alone. Answers how
   * many bytes; the next push begins behind them.
   */
  skipData(): number {
    if (this.#state !== 'data') return 0
    const skipped = this.#left
    this.#offset += skipped
    this.#nextSegment(this.#segment + 1)
    return skipped
  }

  /** No more will come. The archive may lack its end mark, but must not stop within a block or an entry. */
  end(): void {
    if (this.#state === 'ended') return
    if (this.#state !== 'collect' || this.#take !== this.#onHeader || this.#carried > 0) {
      throw malformed('it is cut off')
    }
    this.#metadata.checkTaken()
  }

  #collect(chunk: Uint8Array, at: number): number {
    const length = Math.min(this.#wanted - this.#carried, chunk.length - at)
    const bytes = chunk.subarray(at, at + length)
    this.#offset += length
    if (length === this.#wanted) {
      this.#take(bytes)
      return length
    }
    if (this.#carry.length < this.#wanted) this.#carry = new Uint8Array(this.#wanted)
    this.#carry.set(bytes, this.#carried)
    this.#carried += length
    if (this.#carried === this.#wanted) {
      this.#carried = 0
      this.#take(this.#carry.subarray(0, this.#wanted))
    }
    return length
  }

  #data(chunk: Uint8Array, at: number): number {
    const segment = this.#segments[this.#segment]
    if (segment === undefined) throw new Error('no segment to read')
    const length = Math.min(this.#left, chunk.length - at)
    const fileOffset = segment.fileOffset + segment.length - this.#left
    this.#offset += length
    this.#left -= length
    this.#sink.data(chunk.subarray(at, at + length), fileOffset)
    if (this.#left === 0) this.#nextSegment(this.#segment + 1)
    return length
  }

  #pad(chunk: Uint8Array, at: number): number {
    const length = Math.min(this.#left, chunk.length - at)
    this.#offset += length
    this.#left -= length
    if (this.#left === 0) this.#want(blockBytes, this.#onHeader)
    return length
  }

  #want(bytes: number, take: (bytes: Uint8Array) => void): void {
    this.#state = 'collect'
    this.#wanted = bytes
    this.#take = take
  }

  #onHeader(block: Uint8Array): void {
    const header = parseHeader(block)
    if (header === undefined) {
      this.#onZeros()
    } else if (this.#zeroBlock) {
      throw malformed('a header follows half an end mark')
    } else if (isMetadata(header)) {
      this.#onMetadata(header)
    } else if (header.typeflag === gnuSparse) {
      const { size, regions, more } = parseGnuSparse(block)
      this.#onGnuSparse(header, size, regions, more)
    } else {
      this.#onEntry(header)
    }
  }

  #onZeros(): void {
    this.#metadata.checkTaken()
    if (this.#zeroBlock) this.#state = 'ended'
    this.#zeroBlock = true
  }

  #onMetadata(header: Header): void {
    const size = this.#metadata.expect(header)
    const onBody = (body: Uint8Array): void => {
      this.#metadata.add(header, body.subarray(0, size))
      this.#want(blockBytes, this.#onHeader)
    }
    if (size === 0) onBody(new Uint8Array(0))
    else this.#want(size + padding(size), onBody)
  }

  /** Old GNU: the map goes on in blocks between header and data. */
  #onGnuSparse(header: Header, size: number, regions: Region[], more: boolean): void {
    checkCount(regions.length)
    if (!more) {
      this.#onEntry(header, { size, regions })
      return
    }
    this.#want(blockBytes, block => {
      const next = parseGnuExtension(block)
      regions.push(...next.regions)
      this.#onGnuSparse(header, size, regions, next.more)
    })
  }

  #onEntry(header: Header, gnu?: SparseFile): void {
    const extensions = this.#metadata.take()
    const stored = storedSize(header, extensions)
    const entry = assemble(header, extensions)
    const pax = extensions.pax?.sparse
    if (entry.type !== 'file' && (stored > 0 || gnu !== undefined || pax !== undefined)) {
      throw malformed(`a ${entry.type} has data`)
    }
    if (gnu !== undefined && pax !== undefined) throw malformed('a file has two sparse maps')
    if (gnu !== undefined) {
      this.#startSparse(entry, gnu, stored)
    } else if (pax === undefined) {
      this.#start(entry, stored, stored === 0 ? [] : [{ tarOffset: this.#offset, fileOffset: 0, length: stored }])
    } else if (isOldMap(pax)) {
      if (pax.regions.length === 0 || pax.count !== pax.regions.length) throw malformed('a sparse map is incomplete')
      this.#startSparse(entry, pax, stored)
    } else if (pax.major === 1 && pax.minor === 0) {
      this.#onPaxMap(entry, pax.size, stored, new SparseMap())
    } else {
      throw new ImageError(
        'UNSUPPORTED',
        `Cannot read the layer's tar: sparse map of version ${pax.major ?? ''}.${pax.minor ?? ''}`,
        {
          what: 'sparse map version',
        },
      )
    }
  }

  /** PAX 1.0: the map lies in front of the data, and counts as data. */
  #onPaxMap(entry: Draft, size: number | undefined, stored: number, map: SparseMap): void {
    if (stored < blockBytes) throw malformed('a sparse map is cut off')
    this.#want(blockBytes, block => {
      const left = stored - blockBytes
      if (map.push(block)) this.#startSparse(entry, { size, regions: map.regions }, left)
      else this.#onPaxMap(entry, size, left, map)
    })
  }

  #startSparse(entry: Draft, { size, regions }: SparseFile, stored: number): void {
    if (size === undefined || size < 0 || !Number.isSafeInteger(size)) throw malformed('a sparse file has no size')
    this.#start(entry, size, segmentsOf(regions, size, stored, this.#offset))
  }

  #start(entry: Draft, size: number, segments: readonly Segment[]): void {
    entry.size = size
    entry.segments = segments
    this.#segments = segments
    this.#entries++
    this.#sink.entry(entry)
    this.#nextSegment(0)
  }

  #nextSegment(index: number): void {
    const segment = this.#segments[index]
    if (segment !== undefined) {
      this.#state = 'data'
      this.#segment = index
      this.#left = segment.length
      return
    }
    this.#sink.done()
    // All data is read, so what is missing to a whole block is padding.
    this.#left = padding(this.#offset)
    if (this.#left > 0) this.#state = 'pad'
    else this.#want(blockBytes, this.#onHeader)
  }
}

/** Versions 0.0 and 0.1, which are rarely named. */
function isOldMap({ major, minor }: PaxSparse): boolean {
  if (major === undefined && minor === undefined) return true
  return major === 0 && (minor === 0 || minor === 1)
}

interface SparseFile {
  readonly size?: number | undefined
  readonly regions: readonly Region[]
}
