import type { TarEntry } from '../../src/layer/tar/entry.ts'
import { TarReader } from '../../src/layer/tar/reader.ts'

/** Bytes, or the text that they are. */
export type Bytes = string | Uint8Array

/** A header field by field, right or wrong: what is given goes in as it is, numbers in octal. */
export interface RawHeader {
  readonly name?: Bytes
  readonly mode?: number | Bytes
  readonly uid?: number | Bytes
  readonly gid?: number | Bytes
  readonly size?: number | Bytes
  readonly mtime?: number | Bytes
  /** Computed, unless given. */
  readonly checksum?: Bytes
  readonly type?: string
  readonly link?: Bytes
  readonly magic?: 'ustar' | 'gnu' | 'v7'
  readonly major?: number | Bytes
  readonly minor?: number | Bytes
  readonly prefix?: Bytes
  /** Bytes at offsets of the block, last. */
  readonly patch?: readonly (readonly [offset: number, bytes: Bytes])[]
}

const magics = { ustar: 'ustar\x0000', gnu: 'ustar  \0', v7: '' }

export function rawHeader(header: RawHeader): Buffer {
  const { magic = 'ustar', type = '0', patch = [], checksum } = header
  const block = Buffer.alloc(512)
  put(block, 0, header.name ?? 'f')
  put(block, 100, octal(header.mode ?? 0o644, 7))
  put(block, 108, octal(header.uid ?? 0, 7))
  put(block, 116, octal(header.gid ?? 0, 7))
  put(block, 124, octal(header.size ?? 0, 11))
  put(block, 136, octal(header.mtime ?? 0, 11))
  put(block, 156, type)
  put(block, 157, header.link ?? '')
  put(block, 257, magics[magic])
  if (header.major !== undefined) put(block, 329, octal(header.major, 7))
  if (header.minor !== undefined) put(block, 337, octal(header.minor, 7))
  put(block, 345, header.prefix ?? '')
  for (const [offset, bytes] of patch) put(block, offset, bytes)
  put(block, 148, checksum ?? checksumField(block))
  return block
}

/** A header, `data`, and padding; `size` is that of the data unless the header has another. */
export function rawEntry(header: RawHeader, data: Bytes = ''): Buffer {
  const body = bytesOf(data)
  return Buffer.concat([rawHeader({ size: body.length, ...header }), body, padding(body.length)])
}

/** An extended header: records as given, lengths counted. */
export function pax(...records: readonly (readonly [key: Bytes, value: Bytes])[]): Buffer {
  return rawEntry({ name: 'PaxHeader', type: 'x' }, Buffer.concat(records.map(record => paxRecord(...record))))
}

export function paxRecord(key: Bytes, value: Bytes): Buffer {
  const body = Buffer.concat([Buffer.from(' '), bytesOf(key), Buffer.from('='), bytesOf(value), Buffer.from('\n')])
  let length = body.length
  while (length !== body.length + String(length).length) length = body.length + String(length).length
  return Buffer.concat([Buffer.from(String(length)), body])
}

/** A GNU long name (`L`) or long link (`K`). */
export function longName(type: 'L' | 'K', name: Bytes): Buffer {
  return rawEntry({ name: '././@LongLink', type, magic: 'gnu' }, Buffer.concat([bytesOf(name), Buffer.alloc(1)]))
}

/** Parts, then the end mark. */
export function archive(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

/** Eight bytes of base-256, or twelve. */
export function base256(value: bigint, bytes: 8 | 12): Buffer {
  const field = Buffer.alloc(bytes, value < 0n ? 0xff : 0)
  field.writeBigInt64BE(value, bytes - 8)
  field[0] = value < 0n ? 0xff : 0x80
  return field
}

export interface ReadEntry extends TarEntry {
  /** The file as it reads, holes and all. */
  readonly data: Buffer
}

/** Reads a whole archive, pushed in chunks of `chunkBytes`, or cut at the given offsets. */
export function readTar(tar: Uint8Array, cut: number | readonly number[] = tar.length): ReadEntry[] {
  const entries: ReadEntry[] = []
  let data = Buffer.alloc(0)
  const reader = new TarReader({
    entry(entry) {
      data = Buffer.alloc(entry.size)
      entries.push({ ...entry, data })
    },
    data: (bytes, fileOffset) => data.set(bytes, fileOffset),
    done() {},
  })
  const cuts = typeof cut === 'number' ? multiples(cut, tar.length) : cut
  let start = 0
  for (const end of [...cuts, tar.length]) {
    // A copy that is spoilt after use: nothing may hold on to a chunk.
    const chunk = Uint8Array.from(tar.subarray(start, end))
    reader.push(chunk)
    chunk.fill(0xee)
    start = end
  }
  reader.end()
  return entries
}

function multiples(step: number, end: number): number[] {
  const cuts: number[] = []
  for (let at = step; at < end; at += step) cuts.push(at)
  return cuts
}

function put(block: Buffer, offset: number, bytes: Bytes): void {
  block.set(bytesOf(bytes), offset)
}

function octal(value: number | Bytes, digits: number): Bytes {
  return typeof value === 'number' ? value.toString(8).padStart(digits, '0') : value
}

function checksumField(block: Buffer): string {
  const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0)
  return `${sum.toString(8).padStart(6, '0')}\0 `
}

function padding(size: number): Buffer {
  return Buffer.alloc((512 - (size % 512)) % 512)
}

function bytesOf(bytes: Bytes): Uint8Array {
  return typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes
}
