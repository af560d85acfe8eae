import type { Listing } from './listing.ts'
import { tooLarge, unknown } from './listing.ts'
import type { Peer } from './peers.ts'

/** What one peer says of an archive. */
export interface Opinion {
  readonly peer: Peer['name']
  readonly listing: Listing
}

/**
 * How davit's listing of an archive stands to those of its peers; `finding` if they should have made it answer otherwise:
 * all agree and davit differs or refuses, or davit accepts what they do not agree about.
 */
export type Verdict = 'agreed' | 'refused by all' | 'stricter' | 'disputed' | 'tolerated' | 'not read' | 'finding'

/** What davit refuses although all others may accept it, by what it says. Each is decided: nothing real has it. */
const stricter: readonly (RegExp | ((said: string, tar: Buffer) => boolean))[] = [
  // It would act on the system, or can't be had on any.
  /a character device 0:0/,
  /device numbers .* which the kernel would cut/,
  /a [ug]id of .* which no system can give/,
  // Others skip the data, and some take it for entries.
  /a (directory|symlink|hardlink|character|block|fifo) has data/,
  // Others cut it, or put a dot in its place.
  /a link has no target/,
  /a long name is empty/,
  /a global header stands between/,
  /a name (holds a NUL|is empty)/,
  // Which of two holds is a matter of the reader; equal ones are refused with the rest.
  /an entry has two (extended headers|long names|long link names|names)/,
  /a file's name ends in a slash/,
  // Some take it for a name; all take it for nothing when they don't look.
  /an extended header has no entry/,
  /a header follows half an end mark/,
  /a device has no numbers/,
  /a header has a prefix/,
  // Forms that were never specified.
  /a header has a mode that is none/,
  /a header field is not a number/,
  /a key of an extended header is no text/,
  /an extended header holds no record/,
  /an extended header holds (no number|a time that is none)/,
  // To some readers it ends in the middle of a block, or at the first block of zeros, whatever follows.
  /it is cut off/,
  (said, tar) => said.includes('a wrong checksum') && blocks(tar).some(block => block.every(byte => byte === 0)),
  // Others take what is stored for the size, or only half of the version.
  /a sparse file has no size/,
  /sparse map of version/,
  // Of a link, which others take for one without data.
  /an impossible size/,
  // Only Go counts regions and their bytes.
  /a sparse map (is incomplete|does not cover the data)/,
  // Neither data nor an attribute of root file systems.
  /no entry of type/,
]

interface Context {
  readonly tar: Buffer
  readonly listing: Listing
}

/** Where davit accepts although a peer says otherwise: the peer is wrong, or alone. */
const tolerated: readonly { readonly peer: Peer['name']; readonly holds: (context: Context) => boolean }[] = [
  // Global headers without an entry after them are an error to it.
  { peer: 'python', holds: ({ listing }) => /(end of file|empty) header/.test(listing.error ?? '') },
  // It applies them. davit, as all container tools, ignores them.
  { peer: 'gnu', holds: ({ tar }) => hasGlobal(tar) },
  // A layer of no bytes at all is one without entries.
  { peer: 'gnu', holds: ({ tar }) => tar.length === 0 },
  // It lists fractions before 1970 as a second later.
  { peer: 'gnu', holds: ({ tar }) => /mtime=-\d+\.\d/.test(tar.toString('latin1')) },
  // It takes the times of a GNU header for a prefix.
  { peer: 'python', holds: ({ tar }) => hasGnuTimes(tar) },
]

export function judge(tar: Buffer, davit: Listing, opinions: readonly Opinion[]): Verdict {
  const all = [davit, ...opinions.map(({ listing }) => listing)]
  if (all.some(({ error }) => error?.includes(tooLarge))) return 'not read'
  const accepting = opinions.filter(({ listing }) => listing.error === undefined)
  if (davit.error !== undefined) {
    if (accepting.length === 0) return 'refused by all'
    const [first, ...others] = accepting
    const agree =
      accepting.length === opinions.length && others.every(other => first && isSame(first.listing, other.listing))
    if (!agree) return 'disputed'
    return isDecided(davit.error, tar) ? 'stricter' : 'finding'
  }
  const differing = opinions.filter(({ listing }) => listing.error !== undefined || !isSame(davit, listing))
  if (differing.length === 0) return 'agreed'
  const excused = differing.every(({ peer, listing }) =>
    tolerated.some(rule => rule.peer === peer && rule.holds({ tar, listing })),
  )
  return excused ? 'tolerated' : 'finding'
}

function isDecided(said: string, tar: Buffer): boolean {
  return stricter.some(reason => (reason instanceof RegExp ? reason.test(said) : reason(said, tar)))
}

function isSame(one: Listing, other: Listing): boolean {
  const comparable = one.content === unknown || other.content === unknown || one.content === other.content
  return comparable && JSON.stringify(rows(one)) === JSON.stringify(rows(other))
}

/** Times as davit clamps them. */
function rows({ entries }: Listing): unknown[] {
  return entries.map(({ type, path, link, mode, uid, gid, seconds, size, device }) => {
    const kept = Math.min(2 ** 34 - 2 ** 31 - 1, Math.max(-(2 ** 31), seconds))
    return [type, path, link, mode, uid, gid, kept, size, device]
  })
}

function hasGlobal(tar: Buffer): boolean {
  return blocks(tar).some(block => block[156] === 0x67)
}

function hasGnuTimes(tar: Buffer): boolean {
  return blocks(tar).some(block => block.toString('latin1', 257, 265) === 'ustar  \0' && block[345] !== 0)
}

function blocks(tar: Buffer): Buffer[] {
  return Array.from({ length: Math.floor(tar.length / 512) }, (_, i) => tar.subarray(512 * i, 512 * (i + 1)))
}
