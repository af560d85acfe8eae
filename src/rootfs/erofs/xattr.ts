import { InodeCursor, type Tree } from '../../layer/tree.ts'
import { unpackXattrs } from '../../layer/xattr-set.ts'

/** The prefixes that have a number, in the order in which they are tried. */
const prefixes = [
  ['user.', 1],
  ['system.posix_acl_access', 2],
  ['system.posix_acl_default', 3],
  ['trusted.', 4],
  ['security.', 6],
] as const

const headerBytes = 12
const maxShared = 255
const nothing = new Uint8Array(0)

/** Attributes as EROFS keeps them: those of several inodes once, in an area of their own. */
export interface XattrArea {
  readonly shared: Uint8Array
  /** What follows the inode; empty without attributes. */
  body(inode: InodeCursor): Uint8Array
}

interface Distinct {
  readonly packed: Uint8Array
  uses: number
  body: Uint8Array
}

/** Source: Linux, fs/erofs/erofs_fs.h: erofs_xattr_ibody_header, erofs_xattr_entry. */
export function layOutXattrs(tree: Tree): XattrArea {
  // By layer and number first, since that is cheap; by content across layers.
  const byNumber = new Map<number, Distinct>()
  const byContent = new Map<string, Distinct>()
  const inode = new InodeCursor(tree)
  for (let number = 0; number < tree.nodes.length; number++) {
    if (inode.at(number).xattrSet === 0) continue
    let found = byNumber.get(keyOf(inode))
    if (found === undefined) {
      const packed = inode.packedXattrs
      const content = Buffer.from(packed).toString('latin1')
      found = byContent.get(content) ?? { packed, uses: 0, body: nothing }
      byContent.set(content, found)
      byNumber.set(keyOf(inode), found)
    }
    found.uses++
  }

  const area = new SharedArea()
  for (const set of byContent.values()) {
    const entries = packEntries(set.packed)
    const share = set.uses > 1 && entries.length <= maxShared
    set.body = packBody(share ? entries.map(entry => area.place(entry)) : entries, share)
  }
  return {
    shared: area.bytes(),
    body: inode => (inode.xattrSet === 0 ? nothing : (byNumber.get(keyOf(inode))?.body ?? nothing)),
  }
}

function keyOf({ layer, xattrSet }: InodeCursor): number {
  return layer * 2 ** 32 + xattrSet
}

class SharedArea {
  readonly #entries: Buffer[] = []
  readonly #places = new Map<string, Buffer>()
  #length = 0

  /** Where `entry` lies in the area, in words, as it is written. */
  place(entry: Buffer): Buffer {
    const key = entry.toString('latin1')
    const known = this.#places.get(key)
    if (known !== undefined) return known
    const place = Buffer.alloc(4)
    place.writeUInt32LE(this.#length / 4)
    this.#places.set(key, place)
    this.#entries.push(entry)
    this.#length += entry.length
    return place
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#entries)
  }
}

function packBody(parts: readonly Buffer[], shared: boolean): Uint8Array {
  if (parts.length === 0) return nothing
  const header = Buffer.alloc(headerBytes)
  header.writeUInt8(shared ? parts.length : 0, 4)
  return Buffer.concat([header, ...parts])
}

/** One entry an attribute, padded to whole words; what EROFS has no number for is left out. */
function packEntries(packed: Uint8Array): Buffer[] {
  return [...unpackXattrs(packed)].flatMap(([name, value]) => {
    const [prefix, index] = prefixes.find(([prefix]) => name.startsWith(prefix)) ?? []
    if (prefix === undefined || index === undefined) return []
    const rest = Buffer.from(name.slice(prefix.length), 'latin1')
    const entry = Buffer.alloc(Math.ceil((4 + rest.length + value.length) / 4) * 4)
    entry.writeUInt8(rest.length, 0)
    entry.writeUInt8(index, 1)
    entry.writeUInt16LE(value.length, 2)
    entry.set(rest, 4)
    entry.set(value, 4 + rest.length)
    return [entry]
  })
}
