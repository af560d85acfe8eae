import type { Segment } from './entry.ts'
import { parseNumber } from './header.ts'
import { malformed, tooMuch } from './refusal.ts'

/** A stretch of a sparse file that has data; the rest reads as zeros. */
export interface Region {
  readonly offset: number
  readonly length: number
}

/** More fragments than a real file has, and a bound for what a map may cost. */
const maxRegions = 2 ** 16

/** What an old GNU header of type `S` adds; `more` extension blocks follow it, each ending in the same way. */
export interface GnuSparse {
  readonly size: number
  readonly regions: Region[]
  readonly more: boolean
}

/**
 * The map in an old GNU header.
 *
 * Source: GNU tar, "Old GNU Format".
 */
export function parseGnuSparse(header: Uint8Array): GnuSparse {
  return { size: parseNumber(header, 483, 495), regions: parseRegions(header, 386, 4), more: header[482] !== 0 }
}

/** The map in one of the extension blocks that follow. */
export function parseGnuExtension(block: Uint8Array): { readonly regions: Region[]; readonly more: boolean } {
  return { regions: parseRegions(block, 0, 21), more: block[504] !== 0 }
}

function parseRegions(block: Uint8Array, start: number, count: number): Region[] {
  const regions: Region[] = []
  for (let at = start; regions.length < count && block[at] !== 0; at += 24) {
    regions.push({ offset: parseNumber(block, at, at + 12), length: parseNumber(block, at + 12, at + 24) })
  }
  return regions
}

/**
 * The map of version 1.0, in blocks before the data: decimal numbers, a line each: how many, then offset and length.
 */
export class SparseMap {
  readonly #numbers: number[] = []
  #wanted = 1
  #digits = ''

  /** Takes the next block; true once the map is complete. */
  push(block: Uint8Array): boolean {
    for (const byte of block) {
      if (byte === 0x0a) {
        this.#line()
        if (this.#numbers.length === this.#wanted) return true
      } else {
        if (byte < 0x30 || byte > 0x39 || this.#digits.length === 16)
          throw malformed('a sparse map holds no number where one should be')
        this.#digits += String.fromCharCode(byte)
      }
    }
    return false
  }

  get regions(): Region[] {
    const [, ...numbers] = this.#numbers
    const regions: Region[] = []
    for (let at = 0; at < numbers.length; at += 2) {
      regions.push({ offset: numbers[at] ?? 0, length: numbers[at + 1] ?? 0 })
    }
    return regions
  }

  #line(): void {
    if (this.#digits === '') throw malformed('a sparse map holds an empty line')
    const number = Number(this.#digits)
    this.#digits = ''
    if (this.#numbers.length === 0) {
      checkCount(number)
      this.#wanted = 1 + 2 * number
    }
    this.#numbers.push(number)
  }
}

export function checkCount(regions: number): void {
  if (regions > maxRegions) throw tooMuch('number of sparse regions', maxRegions, regions)
}

/**
 * Where the data of a sparse file of `size` bytes lies: its regions one after another, `stored` bytes from `tarOffset`.
 *
 * Errors: MALFORMED unless the regions ascend, lie within the file and fill exactly what is stored.
 */
export function segmentsOf(regions: readonly Region[], size: number, stored: number, tarOffset: number): Segment[] {
  checkCount(regions.length)
  const segments: Segment[] = []
  let end = 0
  let used = 0
  for (const { offset, length } of regions) {
    if (offset < end || length < 0 || offset + length > size)
      throw malformed('a sparse map is out of order or out of its file')
    end = offset + length
    if (length > 0) segments.push({ tarOffset: tarOffset + used, fileOffset: offset, length })
    used += length
  }
  if (used !== stored) throw malformed('a sparse map does not cover the data')
  return segments
}
