import { isUtf8 } from 'node:buffer'
import { isLayerXattr } from '../xattrs.ts'
import { isTime } from './header.ts'
import { malformed, tooMuch } from './refusal.ts'
import type { Region } from './sparse.ts'

/** What an extended header changes of the entry that follows. Absent: the entry's own header stands. */
export interface Pax {
  path?: Buffer
  link?: Buffer
  size?: number
  uid?: number
  gid?: number
  time?: PaxTime
  /** By name: its bytes as a latin1 string. */
  readonly xattrs: Map<string, Buffer>
  sparse?: PaxSparse
}

export interface PaxTime {
  readonly seconds: number
  readonly nanoseconds: number
}

/** GNU's sparse records, of all three versions. */
export interface PaxSparse {
  /** Absent: 0.0 or 0.1. */
  major?: number
  minor?: number
  name?: Buffer
  /** Regions that the map of versions 0.0 and 0.1 has. */
  count?: number
  /** Logical size. */
  size?: number
  /** The map of versions 0.0 and 0.1; version 1.0 has it before the data. */
  readonly regions: Region[]
}

/** Linux's XATTR_SIZE_MAX. */
const maxXattrBytes = 65_536
/** Linux's XATTR_NAME_MAX. */
const maxXattrNameBytes = 255

const xattrPrefix = 'SCHILY.xattr.'
const sparsePrefix = 'GNU.sparse.'
const space = 0x20
const equals = 0x3d
const newline = 0x0a

/**
 * Reads the body of an extended header: records `<length> <key>=<value>\n`, found by their length alone, for a value may
 * hold any byte. Of two with one key the later stands. An empty value is to give the key back to the entry's header, which
 * not all readers do: it is refused.
 *
 * Errors: MALFORMED: anything that isn't exactly a sequence of records, a NUL in a name, a number that isn't one.
 * Source: POSIX.1-2017 pax, "pax Extended Header"; GNU tar, "Storing Sparse Files"; star(5), "SCHILY.xattr".
 */
export function parsePax(body: Uint8Array): Pax {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  const pax: Pax = { xattrs: new Map() }
  for (let at = 0; at < bytes.length; ) {
    const { key, value, end } = parseRecord(bytes, at)
    apply(pax, key, value)
    at = end
  }
  return pax
}

function parseRecord(bytes: Buffer, start: number): { key: string; value: Buffer; end: number } {
  let at = start
  let length = 0
  for (; at < bytes.length; at++) {
    const digit = (bytes[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) break
    length = length * 10 + digit
    if (length > bytes.length) break
  }
  const end = start + length
  if (at === start || bytes[at] !== space || end > bytes.length || bytes[end - 1] !== newline) {
    throw malformed('an extended header holds no record where one should be')
  }
  const mark = bytes.indexOf(equals, at + 1)
  if (mark <= at + 1 || mark >= end) throw malformed('a record of an extended header has no key')
  return { key: keyText(bytes.subarray(at + 1, mark)), value: bytes.subarray(mark + 1, end - 1), end }
}

function keyText(bytes: Buffer): string {
  if (!isUtf8(bytes) || bytes.includes(0)) throw malformed('a key of an extended header is no text')
  return bytes.toString()
}

/** The bytes of a text, as a latin1 string. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1')
}

function apply(pax: Pax, key: string, value: Buffer): void {
  if (key.startsWith(xattrPrefix)) {
    applyXattr(pax, bytesOf(key.slice(xattrPrefix.length)), value)
  } else if (key.startsWith(sparsePrefix)) {
    applySparse(pax, key.slice(sparsePrefix.length), value)
  } else {
    applyField(pax, key, value)
  }
}

function applyField(pax: Pax, key: string, value: Buffer): void {
  switch (key) {
    case 'path':
      pax.path = nameValue(value)
      break
    case 'linkpath':
      pax.link = nameValue(value)
      break
    case 'size':
      pax.size = decimal(value)
      break
    case 'uid':
      pax.uid = decimal(value)
      break
    case 'gid':
      pax.gid = decimal(value)
      break
    case 'mtime':
      pax.time = time(value)
      break
    case 'uname':
    case 'gname':
      checkNoNul(value)
      break
    case 'atime':
    case 'ctime':
      // Not kept; some readers refuse the archive if it is none.
      time(value)
      break
  }
}

function applyXattr(pax: Pax, name: string, value: Buffer): void {
  if (!isLayerXattr(name)) return
  if (name.length > maxXattrNameBytes) throw tooMuch('bytes of an attribute name', maxXattrNameBytes, name.length)
  if (value.length > maxXattrBytes) throw tooMuch('bytes of an attribute', maxXattrBytes, value.length)
  pax.xattrs.set(name, Buffer.from(value))
}

/** Seconds with a fraction, perhaps negative; nanoseconds count upwards from the second below. */
function time(value: Buffer): PaxTime {
  const match = /^(-?)(\d+)(?:\.(\d*))?$/.exec(value.toString('latin1'))
  if (match === null) throw malformed('an extended header holds a time that is none')
  const [, sign, whole, fraction = ''] = match
  const seconds = Number(whole)
  if (!isTime(seconds)) throw malformed('an extended header holds a time that is none')
  const nanoseconds = Number(fraction.slice(0, 9).padEnd(9, '0'))
  if (sign !== '-') return { seconds, nanoseconds }
  return nanoseconds === 0
    ? { seconds: 0 - seconds, nanoseconds }
    : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds }
}

function applySparse(pax: Pax, key: string, value: Buffer): void {
  pax.sparse ??= { regions: [] }
  const { sparse } = pax
  switch (key) {
    case 'major':
      sparse.major = decimal(value)
      return
    case 'minor':
      sparse.minor = decimal(value)
      return
    case 'numblocks':
      sparse.count = decimal(value)
      return
    case 'name':
      sparse.name = nameValue(value)
      return
    case 'size':
    case 'realsize':
      sparse.size = decimal(value)
      return
    case 'offset':
      // The length is the next record; until then the region is none.
      sparse.regions.push({ offset: decimal(value), length: -1 })
      return
    case 'numbytes': {
      const last = sparse.regions.pop()
      if (last?.length !== -1) throw malformed('a sparse map has a length without an offset')
      sparse.regions.push({ offset: last.offset, length: decimal(value) })
      return
    }
    case 'map': {
      const numbers = value.toString('latin1').split(',')
      if (numbers.length % 2 !== 0) throw malformed('a sparse map has an offset without a length')
      for (let at = 0; at < numbers.length; at += 2) {
        sparse.regions.push({ offset: decimalText(numbers[at] ?? ''), length: decimalText(numbers[at + 1] ?? '') })
      }
      return
    }
  }
}

function nameValue(value: Buffer): Buffer {
  if (value.length === 0) throw malformed('a name is empty')
  checkNoNul(value)
  return Buffer.from(value)
}

function checkNoNul(value: Buffer): void {
  if (value.includes(0)) throw malformed('a name holds a NUL')
}

function decimal(value: Buffer): number {
  return decimalText(value.toString('latin1'))
}

function decimalText(text: string): number {
  const number = Number(text)
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number))
    throw malformed('an extended header holds no number where one should be')
  return number
}
