import { nameAt, type Tree } from '../../layer/tree.ts'

export const direntBytes = 12

const dot = Buffer.from('.')
const dots = Buffer.from('..')

/** The entries of a directory, `.` and `..` among them, sorted by the bytes of their names. */
export class Listing {
  readonly count: number
  readonly #tree: Tree
  readonly #node: number
  readonly #first: number
  readonly #dot: number
  readonly #dots: number

  constructor(tree: Tree, node: number) {
    this.#tree = tree
    this.#node = node
    this.#first = tree.children[node] ?? 0
    const children = (tree.children[node + 1] ?? 0) - this.#first
    this.count = children + 2
    let at = 0
    while (at < children && Buffer.compare(nameAt(tree, this.#first + at), dot) < 0) at++
    this.#dot = at
    while (at < children && Buffer.compare(nameAt(tree, this.#first + at), dots) < 0) at++
    this.#dots = at + 1
  }

  name(entry: number): Uint8Array {
    if (entry === this.#dot) return dot
    return entry === this.#dots ? dots : nameAt(this.#tree, this.#child(entry))
  }

  nameLength(entry: number): number {
    if (entry === this.#dot) return 1
    if (entry === this.#dots) return 2
    return this.#tree.nameLengths[this.#child(entry)] ?? 0
  }

  inode(entry: number): number {
    const { inodes, parents } = this.#tree
    if (entry === this.#dot) return inodes[this.#node] ?? 0
    if (entry === this.#dots) return inodes[parents[this.#node] ?? 0] ?? 0
    return inodes[this.#child(entry)] ?? 0
  }

  #child(entry: number): number {
    return this.#first + entry - (entry > this.#dot ? 1 : 0) - (entry > this.#dots ? 1 : 0)
  }
}

/** Entries `from` up to `to` share a block, of which they need `used` bytes. */
export interface DirectoryBlock {
  readonly from: number
  readonly to: number
  readonly used: number
}

/** How the entries are packed: as many in each block as fit. */
export function blocksOf(listing: Listing, blockBytes: number): DirectoryBlock[] {
  const blocks: DirectoryBlock[] = []
  let [from, used] = [0, 0]
  for (let entry = 0; entry < listing.count; entry++) {
    const more = direntBytes + listing.nameLength(entry)
    if (used + more > blockBytes) {
      blocks.push({ from, to: entry, used })
      from = entry
      used = 0
    }
    used += more
  }
  blocks.push({ from, to: listing.count, used })
  return blocks
}

/** Bytes of a directory: all blocks but the last are whole. */
export function directorySize(blocks: readonly DirectoryBlock[], blockBytes: number): number {
  return (blocks.length - 1) * blockBytes + (blocks.at(-1)?.used ?? 0)
}

/**
 * Entries first, then their names, the last of which ends with the block or at a NUL.
 *
 * Source: Linux, fs/erofs/erofs_fs.h: erofs_dirent.
 */
export function writeBlock(to: DataView, at: number, listing: Listing, block: DirectoryBlock, nids: Nids): void {
  const bytes = new Uint8Array(to.buffer, to.byteOffset, to.byteLength)
  let nameAt = (block.to - block.from) * direntBytes
  for (let entry = block.from, dirent = at; entry < block.to; entry++, dirent += direntBytes) {
    const name = listing.name(entry)
    const inode = listing.inode(entry)
    to.setUint32(dirent, nids.nid(inode), true)
    to.setUint32(dirent + 4, 0, true)
    to.setUint16(dirent + 8, nameAt, true)
    to.setUint16(dirent + 10, nids.fileType(inode), true)
    bytes.set(name, at + nameAt)
    nameAt += name.length
  }
}

export interface Nids {
  nid(inode: number): number
  fileType(inode: number): number
}
