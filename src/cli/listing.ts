import type { InodeCursor, InodeType } from '../layer/tree.ts'
import { unpackXattrs } from '../layer/xattr-set.ts'
import { escapeName } from './escape.ts'

const typeLetters: Readonly<Record<InodeType, string>> = {
  file: '-',
  directory: 'd',
  symlink: 'l',
  character: 'c',
  block: 'b',
  fifo: 'p',
}

/** Set-user-ID, set-group-ID and sticky: what they put in the place of `x`, or of nothing. */
const specialBits = [
  [0o4000, 's', 'S'],
  [0o2000, 's', 'S'],
  [0o1000, 't', 'T'],
] as const

/** `drwxr-sr-x`, as `ls -l` writes it. */
export function formatMode({ type, mode }: Pick<InodeCursor, 'type' | 'mode'>): string {
  const groups = specialBits.map(([bit, both, alone], group) => {
    const bits = mode >> (6 - 3 * group)
    const runs = (bits & 1) !== 0
    const last = (mode & bit) !== 0 ? (runs ? both : alone) : runs ? 'x' : '-'
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${last}`
  })
  return typeLetters[type] + groups.join('')
}

/** What a line says before the name: mode, links, user, group, size (of a device its numbers), time in UTC. */
export function listingColumns(inode: InodeCursor): readonly string[] {
  const { links, uid, gid, type, size, major, minor } = inode
  const isDevice = type === 'character' || type === 'block'
  return [
    formatMode(inode),
    String(links),
    String(uid),
    String(gid),
    isDevice ? `${major}, ${minor}` : type === 'directory' ? '-' : String(size),
    isoTime(inode).slice(0, 16).replace('T', ' '),
  ]
}

/** The line; columns are as wide as `widths` says, numbers to the right. */
export function listingLine(inode: InodeCursor, name: Uint8Array, widths: readonly number[]): string {
  const columns = listingColumns(inode).map((text, column) => text.padStart(widths[column] ?? 0))
  const target = inode.type === 'symlink' ? ` -> ${escapeName(inode.link)}` : ''
  return `${columns.join(' ')} ${escapeName(name)}${target}\n`
}

/** The same for programs. Names that aren't UTF-8 have their bytes in `pathBase64` and `targetBase64` too. */
export function listingJson(inode: InodeCursor, path: Uint8Array): Readonly<Record<string, unknown>> {
  const { type, mode, links, uid, gid, size, major, minor } = inode
  return {
    type,
    ...nameJson('path', path),
    mode: mode.toString(8).padStart(4, '0'),
    links,
    uid,
    gid,
    ...(type === 'file' || type === 'symlink' ? { size } : {}),
    ...(type === 'character' || type === 'block' ? { major, minor } : {}),
    mtime: isoTime(inode),
    ...(type === 'symlink' ? nameJson('target', inode.link) : {}),
    xattrs: [...unpackXattrs(inode.packedXattrs).keys()].map(name => Buffer.from(name, 'latin1').toString()),
  }
}

/** Bytes as text; with them in base64 when that loses some. */
export function nameJson(key: string, name: Uint8Array): Readonly<Record<string, string>> {
  const bytes = Buffer.from(name)
  const text = bytes.toString()
  return Buffer.from(text).equals(bytes) ? { [key]: text } : { [key]: text, [`${key}Base64`]: bytes.toString('base64') }
}

/** ISO 8601 to the nanosecond, which is left out when it is 0. */
function isoTime({ seconds, nanoseconds }: InodeCursor): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
  return `${whole}${nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0')}`}Z`
}
