import { malformed } from './refusal.ts'

/** Everything in a tar starts at a multiple of this. */
export const blockBytes = 512

/** Bytes from `size` to the next block. */
export function padding(size: number): number {
  const over = size % blockBytes
  return over === 0 ? 0 : blockBytes - over
}

/** What one header block says, before any extension. Buffers are copies. */
export interface Header {
  /** Type flag, the byte itself. */
  readonly typeflag: number
  /** With the ustar prefix. */
  readonly name: Buffer
  readonly link: Buffer
  /** Numbers as the fields have them: range is the business of whoever uses one. Past 2⁵³ they are rounded. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly seconds: number
  /** 0 unless a device. */
  readonly major: number
  readonly minor: number
}

const nothing = Buffer.alloc(0)
export const gnuSparse = 0x53
const character = 0x33
const block = 0x34

/**
 * Reads one header block; `undefined` is the zero block, of which two end an archive.
 *
 * Errors: MALFORMED: wrong checksum, or a field that isn't a number.
 * Source: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar, "Basic Tar Format".
 */
export function parseHeader(bytes: Uint8Array): Header | undefined {
  if (!checkSum(bytes)) return undefined
  const typeflag = bytes[156] ?? 0
  const ustar = hasMagic(bytes, 'ustar\0')
  const gnu = hasMagic(bytes, 'ustar  \0')
  const isDevice = typeflag === character || typeflag === block
  if (isDevice && !ustar && !gnu) throw malformed('a device has no numbers')
  if (typeflag === gnuSparse && !gnu) throw malformed('a sparse file of old is not in GNU format')
  if (!ustar) checkNoPrefix(bytes, gnu)
  const name = text(bytes, 0, 100)
  return {
    typeflag,
    name: ustar && bytes[345] !== 0 ? prefixed(text(bytes, 345, 500), name) : name,
    link: text(bytes, 157, 257),
    mode: parseMode(bytes),
    uid: parseNumber(bytes, 108, 116),
    gid: parseNumber(bytes, 116, 124),
    size: parseNumber(bytes, 124, 136),
    seconds: parseTime(bytes),
    ...parseDevice(bytes, isDevice),
  }
}

/**
 * A numeric field: octal, or binary where octal is too narrow. An empty one is 0.
 *
 * Only forms that tar implementations read alike pass: octal digits between spaces, or big-endian two's complement
 * after a byte 0x80 (positive) or 0xff (negative).
 */
export function parseNumber(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start] ?? 0
  if (first >= 0x80) return parseBinary(bytes, start, end)
  let at = start
  while (at < end && bytes[at] === 0x20) at++
  const digits = at
  let value = 0
  for (; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 0x30
    if (digit < 0 || digit > 7) break
    value = value * 8 + digit
  }
  const empty = at === digits
  // After digits, readers stop at the first NUL; before them, they differ: then nothing else may follow.
  for (; at < end; at++) {
    const byte = bytes[at]
    if (byte === 0 && !empty) break
    if (byte !== 0 && byte !== 0x20) throw malformed('a header field is not a number')
  }
  return value
}

function parseBinary(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start]
  if (first !== 0x80 && first !== 0xff) throw malformed('a header field is not a number')
  let value = first === 0xff ? -1 : 0
  for (let at = start + 1; at < end; at++) value = value * 256 + (bytes[at] ?? 0)
  return value
}

function prefixed(prefix: Buffer, name: Buffer): Buffer {
  // Whether it then is a directory, readers don't agree.
  if (name.length === 0) throw malformed('a header has a prefix and no name')
  return Buffer.concat([prefix, Buffer.from('/'), name])
}

/** Not all readers skip the numbers of what is no device: they must be some. */
function parseDevice(bytes: Uint8Array, isDevice: boolean): Pick<Header, 'major' | 'minor'> {
  const [major, minor] = [parseNumber(bytes, 329, 337), parseNumber(bytes, 337, 345)]
  return isDevice ? { major, minor } : { major: 0, minor: 0 }
}

/** Others hold times in 64 bits, and refuse what doesn't fit. */
export function isTime(seconds: number): boolean {
  return seconds >= -(2 ** 63) && seconds < 2 ** 63
}

/** Its low bits count, however large it is; rounded, they would be others. */
function parseMode(bytes: Uint8Array): number {
  const mode = parseNumber(bytes, 100, 108)
  if (!Number.isSafeInteger(mode)) throw malformed('a header has a mode that is none')
  return mode
}

function parseTime(bytes: Uint8Array): number {
  const seconds = parseNumber(bytes, 136, 148)
  if (!isTime(seconds)) throw malformed('a header has a time that is none')
  return seconds
}

/**
 * Only ustar has a prefix. Some readers look for one in other formats, too; GNU's has two times there.
 */
function checkNoPrefix(bytes: Uint8Array, gnu: boolean): void {
  if (bytes[345] === 0) return
  if (!gnu) throw malformed('a header has a prefix without being ustar')
  parseNumber(bytes, 345, 357)
  parseNumber(bytes, 357, 369)
}

/** False for a block of zeros only. Old writers summed signed bytes: either sum will do. */
function checkSum(bytes: Uint8Array): boolean {
  let sum = 0
  for (let at = 0; at < blockBytes; at++) sum += bytes[at] ?? 0
  if (sum === 0) return false
  // The field itself counts as spaces.
  for (let at = 148; at < 156; at++) sum += 0x20 - (bytes[at] ?? 0)
  const expected = parseNumber(bytes, 148, 156)
  if (expected !== sum && expected !== sum - 256 * countHigh(bytes)) throw malformed('a header has a wrong checksum')
  return true
}

/** Bytes outside the checksum that are negative when signed. */
function countHigh(bytes: Uint8Array): number {
  return bytes.filter((byte, at) => byte >= 0x80 && (at < 148 || at >= 156)).length
}

function hasMagic(bytes: Uint8Array, magic: string): boolean {
  for (let at = 0; at < magic.length; at++) if (bytes[257 + at] !== magic.charCodeAt(at)) return false
  return true
}

function text(bytes: Uint8Array, start: number, end: number): Buffer {
  let stop = start
  while (stop < end && bytes[stop] !== 0) stop++
  if (stop === start) return nothing
  return Buffer.from(bytes.subarray(start, stop))
}
