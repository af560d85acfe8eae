import { ImageError } from '../../errors.ts'
import type { EntryType, Segment, TarEntry } from './entry.ts'
import type { Header } from './header.ts'
import type { Extensions } from './metadata.ts'
import type { PaxTime } from './pax.ts'
import { malformed, tooMuch, unsafe } from './refusal.ts'

/** An entry whose data is still to be described. */
export type Draft = { -readonly [Key in keyof TarEntry]: TarEntry[Key] }

/** Linux's PATH_MAX, its final NUL aside. */
const maxLinkBytes = 4095
/** The highest id is "unchanged" to the kernel. */
const maxId = 2 ** 32 - 2
/** What Linux's dev_t holds. */
const maxMajor = 2 ** 12 - 1
const maxMinor = 2 ** 20 - 1
/** What ext4 and EROFS hold, in seconds. */
const minSeconds = -(2 ** 31)
const maxSeconds = 2 ** 34 - 2 ** 31 - 1

const slash = 0x2f
const noXattrs: ReadonlyMap<string, Buffer> = new Map()
const noSegments: readonly Segment[] = []
const nothing = Buffer.alloc(0)

/** Bytes of data in the archive that follow this header. */
export function storedSize(header: Header, { pax }: Extensions): number {
  const size = pax?.size ?? header.size
  // The header's must be one, even if PAX has another.
  const isPossible = header.size >= 0 && size >= 0 && Number.isSafeInteger(size)
  if (!isPossible) throw malformed('an entry has an impossible size')
  return size
}

/**
 * The entry that a header and its extensions mean, before its data is known: no size and no segments.
 *
 * Names: GNU's long ones or PAX's, which must not differ, else the header's. A sparse file's own comes before PAX's.
 *
 * Errors: MALFORMED, UNSAFE, LIMIT_EXCEEDED, UNSUPPORTED (a type that no root file system has).
 */
export function assemble(header: Header, { pax, path: longPath, link: longLink }: Extensions): Draft {
  const path = agreed(longPath, pax?.sparse?.name ?? pax?.path) ?? header.name
  const link = agreed(longLink, pax?.link) ?? header.link
  const type = typeOf(header, path)
  checkDevice(type, header)
  const { seconds, nanoseconds } = clampTime(pax?.time ?? { seconds: header.seconds, nanoseconds: 0 })
  return {
    type,
    path,
    link: type === 'symlink' || type === 'hardlink' ? target(link) : nothing,
    mode: header.mode & 0o7777,
    uid: id('uid', header.uid, pax?.uid),
    gid: id('gid', header.gid, pax?.gid),
    seconds,
    nanoseconds,
    size: 0,
    major: header.major,
    minor: header.minor,
    xattrs: pax === undefined ? noXattrs : xattrsFor(type, pax.xattrs),
    segments: noSegments,
  }
}

/** Of two names, some readers take GNU's and some PAX's. */
function agreed(long: Buffer | undefined, pax: Buffer | undefined): Buffer | undefined {
  if (long !== undefined && pax !== undefined && !long.equals(pax)) throw malformed('an entry has two names')
  return long ?? pax
}

function typeOf({ typeflag, name }: Header, path: Buffer): EntryType {
  switch (String.fromCharCode(typeflag)) {
    case '\0':
      // Before there were types, a slash said that it is a directory; to some readers, only that of the header does.
      if (endsInSlash(path) !== endsInSlash(name)) throw malformed('it is not clear whether an entry is a directory')
      return endsInSlash(path) ? 'directory' : 'file'
    case '0':
    case '7': // contiguous: a file
    case 'S': // GNU sparse
      // A directory to GNU tar, a file to others.
      if (endsInSlash(path)) throw malformed("a file's name ends in a slash")
      return 'file'
    case '1':
      return 'hardlink'
    case '2':
      return 'symlink'
    case '3':
      return 'character'
    case '4':
      return 'block'
    case '5':
      return 'directory'
    case '6':
      return 'fifo'
    default:
      throw new ImageError('UNSUPPORTED', `Cannot read the layer's tar: no entry of type 0x${typeflag.toString(16)}`, {
        what: `tar entry type 0x${typeflag.toString(16)}`,
      })
  }
}

function endsInSlash(path: Buffer): boolean {
  return path[path.length - 1] === slash
}

function target(link: Buffer): Buffer {
  if (link.length === 0) throw malformed('a link has no target')
  if (link.length > maxLinkBytes) throw tooMuch('bytes of a link target', maxLinkBytes, link.length)
  return link
}

/** The header's must be one, even if PAX has another. */
function id(name: string, own: number, extended = own): number {
  for (const value of [own, extended]) {
    if (value < 0 || value > maxId) throw unsafe(`a ${name} of ${value}, which no system can give`)
  }
  return extended
}

function checkDevice(type: EntryType, { major, minor }: Header): void {
  if (major < 0 || major > maxMajor || minor < 0 || minor > maxMinor) {
    throw unsafe(`device numbers ${major}:${minor}, which the kernel would cut`)
  }
  if (type === 'character' && major === 0 && minor === 0) {
    throw unsafe('a character device 0:0, which an overlay takes for a whiteout')
  }
}

function clampTime(time: PaxTime): PaxTime {
  const { seconds } = time
  if (seconds < minSeconds) return { seconds: minSeconds, nanoseconds: 0 }
  if (seconds > maxSeconds) return { seconds: maxSeconds, nanoseconds: 0 }
  return time
}

/** The kernel has `user.*` on files and directories only. */
function xattrsFor(type: EntryType, xattrs: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  if (type === 'file' || type === 'directory' || xattrs.size === 0) return xattrs
  return new Map([...xattrs].filter(([name]) => !name.startsWith('user.')))
}
