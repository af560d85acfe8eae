import { read } from 'node:fs'
import { promisify } from 'node:util'
import { ImageError } from '../../errors.ts'
import { cleanPath } from '../../layer/path.ts'
import type { TarEntry } from '../../layer/tar/entry.ts'
import { TarReader } from '../../layer/tar/reader.ts'
import { malformed } from '../../spec/json.ts'
import { CHUNK_BYTES } from '../../system/chunks.ts'
import type { FileRange } from './file-range.ts'
import type { Files } from './files.ts'

/** A hundred images of a hundred layers, as the oldest Docker saved them, have 40,000. What has more is a root file system. */
export const MAX_MEMBERS = 65_536

/** Docker's links between equal layers lead to the first; nobody needs a chain. */
const MAX_HOPS = 8

type Member = { readonly offset: number; readonly size: number } | { readonly link: string } | 'twice' | 'sparse'

const readBeside = promisify(read)

/**
 * The members of a tar by their names, of which it has a list in memory: names and links are resolved there and nowhere
 * else. Data is passed over.
 *
 * Errors: MALFORMED and others of the tar reader; LIMIT_EXCEEDED for more than {@link MAX_MEMBERS}.
 */
export async function openTar(range: FileRange, { signal }: { readonly signal: AbortSignal }): Promise<Files> {
  const members = await listMembers(range, signal)
  return {
    path: range.path,
    async open(name) {
      const found = resolve(members, Buffer.from(name).toString('latin1'))
      if (found === undefined) return undefined
      if (found === 'twice') throw malformed(range.path, `${name} comes twice`)
      if (found === 'sparse') throw malformed(range.path, `${name} is a sparse file`)
      const { fd, path, offset } = range
      return { fd, path: `${name} in ${path}`, offset: offset + found.offset, size: found.size, close() {} }
    },
  }
}

/** By name, each byte of it one character. */
async function listMembers(
  { fd, path, offset, size }: FileRange,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Member>> {
  const members = new Map<string, Member>()
  const reader = new TarReader({
    entry(entry) {
      const member = memberOf(entry)
      if (member === undefined) return
      const name = nameOf(entry.path)
      members.set(name, members.has(name) ? 'twice' : member)
      if (members.size > MAX_MEMBERS) throw tooMany(path)
    },
    data() {},
    done() {},
  })
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES)
  while (reader.offset < size) {
    signal.throwIfAborted()
    const { bytesRead } = await readBeside(
      fd,
      chunk,
      0,
      Math.min(chunk.length, size - reader.offset),
      offset + reader.offset,
    )
    if (bytesRead === 0) break
    reader.push(chunk.subarray(0, bytesRead))
    reader.skipData()
  }
  if (reader.offset > size) throw malformed(path, 'it is cut off')
  reader.end()
  return members
}

/** Undefined for what nobody asks for: directories and devices. */
function memberOf({ type, path, link, segments, size }: TarEntry): Member | undefined {
  if (type === 'hardlink') return { link: nameOf(link) }
  if (type === 'symlink') return { link: nameOf(link[0] === slash ? link : Buffer.concat([path, parent, link])) }
  if (type !== 'file') return undefined
  const [first] = segments
  if (first === undefined) return size === 0 ? { offset: 0, size } : 'sparse'
  return first.length === size ? { offset: first.tarOffset, size } : 'sparse'
}

const slash = 0x2f
const parent = Buffer.from('/../')

function nameOf(path: Uint8Array): string {
  return cleanPath(path)
    .map(name => name.toString('latin1'))
    .join('/')
}

function resolve(members: ReadonlyMap<string, Member>, name: string): Exclude<Member, { link: string }> | undefined {
  let found = members.get(name)
  for (let hops = 0; typeof found === 'object' && 'link' in found; hops++) {
    if (hops === MAX_HOPS) return undefined
    found = members.get(found.link)
  }
  return found
}

function tooMany(path: string): ImageError {
  const message = `Cannot read ${path} as an archive of images: it has more than ${MAX_MEMBERS} members`
  const hint = `tar:${path}, if it holds the files of one`
  return new ImageError('LIMIT_EXCEEDED', message, { limit: 'members of an archive', max: MAX_MEMBERS }, { hint })
}
