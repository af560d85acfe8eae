import type { TarEntry } from './entry.ts'
import { blockBytes, padding } from './header.ts'

/** An entry to write: everything but type and path has a plain default. */
export type TarInput = Pick<TarEntry, 'type' | 'path'> & Partial<Omit<TarEntry, 'segments'>>

/** What follows the last entry. */
export const endMark = Buffer.alloc(2 * blockBytes)

/** A whole archive, for those that fit in memory; `size` is that of `data`. */
export function writeTar(entries: Iterable<TarInput & { readonly data?: Uint8Array }>): Buffer {
  const parts: Uint8Array[] = []
  for (const { data = new Uint8Array(0), ...entry } of entries) {
    parts.push(formatHeader({ ...entry, size: data.length }), data, Buffer.alloc(padding(data.length)))
  }
  return Buffer.concat([...parts, endMark])
}

/**
 * The blocks in front of an entry's data: ustar, and a PAX header for what ustar can't say.
 *
 * The same entry gives the same bytes. Of a directory's path, the slash at the end is added. `sizeIsExtended`: the PAX
 * header has the size in any case, so that the blocks are as many for each: for who learns the size later.
 */
export function formatHeader(entry: TarInput, { sizeIsExtended = false } = {}): Buffer {
  const path = entry.type === 'directory' ? withSlash(entry.path) : entry.path
  const { link = Buffer.alloc(0), uid = 0, gid = 0, size = 0, seconds = 0, nanoseconds = 0, xattrs = [] } = entry
  const records: Buffer[] = []
  if (path.length > maxNameBytes) records.push(formatRecord('path', path))
  if (link.length > maxNameBytes) records.push(formatRecord('linkpath', link))
  if (uid > maxId) records.push(formatRecord('uid', String(uid)))
  if (gid > maxId) records.push(formatRecord('gid', String(gid)))
  if (size > maxSize || sizeIsExtended) records.push(formatRecord('size', String(size)))
  if (seconds < 0 || seconds > maxSize || nanoseconds > 0) {
    records.push(formatRecord('mtime', formatTime(seconds, nanoseconds)))
  }
  for (const [name, value] of xattrs) {
    records.push(formatRecord(`SCHILY.xattr.${Buffer.from(name, 'latin1').toString()}`, value))
  }

  const header = formatBlock({ ...entry, path, link }, typeflags[entry.type])
  if (records.length === 0) return header
  const body = Buffer.concat(records)
  const extended = formatBlock({ path: Buffer.from('PaxHeader'), size: body.length }, 'x')
  return Buffer.concat([extended, body, Buffer.alloc(padding(body.length)), header])
}

const typeflags: Readonly<Record<TarEntry['type'], string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
}

const maxNameBytes = 100
/** Seven octal digits. */
const maxId = 8 ** 7 - 1
/** Eleven octal digits; times too. */
const maxSize = 8 ** 11 - 1

type Fields = Partial<Omit<TarEntry, 'segments' | 'type'>>

/** Numbers too large for their field are written as 0: the PAX header has them. */
function formatBlock(
  { path = Buffer.alloc(0), link = Buffer.alloc(0), mode = 0o644, ...numbers }: Fields,
  typeflag: string,
): Buffer {
  const { uid = 0, gid = 0, size = 0, seconds = 0, major = 0, minor = 0 } = numbers
  const block = Buffer.alloc(blockBytes)
  block.set(path.subarray(0, maxNameBytes), 0)
  octal(block, 100, 7, mode)
  octal(block, 108, 7, uid)
  octal(block, 116, 7, gid)
  octal(block, 124, 11, size)
  octal(block, 136, 11, seconds)
  block.write(typeflag, 156)
  block.set(link.subarray(0, maxNameBytes), 157)
  block.write('ustar\x0000', 257, 'latin1')
  octal(block, 329, 7, major)
  octal(block, 337, 7, minor)
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

function octal(block: Buffer, start: number, digits: number, value: number): void {
  const fits = value >= 0 && value < 8 ** digits
  block.write((fits ? value : 0).toString(8).padStart(digits, '0'), start, 'latin1')
}

/** Its length counts itself. */
function formatRecord(key: string, value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value)
  const rest = Buffer.byteLength(key) + bytes.length + 3
  let length = rest + String(rest).length
  length = rest + String(length).length
  return Buffer.concat([Buffer.from(`${length} ${key}=`), bytes, Buffer.from('\n')])
}

function formatTime(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds)
  if (seconds >= 0) return `${seconds}.${fraction(nanoseconds)}`
  return `-${-seconds - 1}.${fraction(1e9 - nanoseconds)}`
}

function fraction(nanoseconds: number): string {
  return String(nanoseconds).padStart(9, '0')
}

function withSlash(path: Buffer): Buffer {
  return path.at(-1) === 0x2f ? path : Buffer.concat([path, Buffer.from('/')])
}
