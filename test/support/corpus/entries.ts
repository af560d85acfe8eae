import { type Bytes, pax, type RawHeader, rawEntry } from '../tar.ts'

/** Entries in short. Names and targets that the header can't hold go into an extended one. */
export const file = (name: Bytes, data: Bytes = 'new\n', more: RawHeader = {}): Buffer => entry({ ...more, name }, data)

export const directory = (name: Bytes, more: RawHeader = {}): Buffer => entry({ mode: 0o755, ...more, name, type: '5' })

export const symlink = (name: Bytes, link: Bytes, more: RawHeader = {}): Buffer =>
  entry({ mode: 0o777, ...more, name, link, type: '2' })

export const hardlink = (name: Bytes, link: Bytes, more: RawHeader = {}): Buffer =>
  entry({ ...more, name, link, type: '1' })

export const fifo = (name: Bytes): Buffer => entry({ name, type: '6' })

export const device = (name: Bytes, type: '3' | '4', major: number | Bytes, minor: number | Bytes): Buffer =>
  entry({ name, type, major, minor })

/** The way from any directory to `path`, which is absolute: up to the root, then down. */
export function climb(path: string): string {
  return '../'.repeat(16) + path.slice(1)
}

function entry({ name = '', link = '', ...header }: RawHeader, data: Bytes = ''): Buffer {
  const records: [string, Bytes][] = []
  if (Buffer.byteLength(name) > 100) records.push(['path', name])
  if (Buffer.byteLength(link) > 100) records.push(['linkpath', link])
  const plain = rawEntry({ ...header, name: cut(name), link: cut(link) }, data)
  return records.length === 0 ? plain : Buffer.concat([pax(...records), plain])
}

function cut(bytes: Bytes): Uint8Array {
  return Buffer.from(bytes).subarray(0, 100)
}
