import { InodeCursor, type Tree } from '../../layer/tree.ts'
import { type ChunkPlan, chunkIndexBytes, type Geometry, planChunks } from './chunks.ts'
import { blocksOf, type DirectoryBlock, directorySize, Listing } from './dirent.ts'
import { compactBytes, extendedBytes, needsExtended, type Time } from './inode.ts'
import type { XattrArea } from './xattr.ts'

const nothing = new Uint8Array(0)

/**
 * How one inode after another is kept: itself and its attributes, then a tail or a chunk index beside it, and blocks
 * elsewhere.
 */
export class Shape {
  readonly inode: InodeCursor
  extended = false
  xattrs: Uint8Array = nothing
  /** Of a file, a directory's entries, or a symlink's target. */
  size = 0
  /** Bytes of inode and attributes. */
  head = 0
  /** Bytes of data beside them: the last ones, which fill no block. */
  tail = 0
  /** Blocks of data elsewhere in the image. */
  blocks = 0
  chunks: ChunkPlan | undefined
  directory: { readonly listing: Listing; readonly blocks: readonly DirectoryBlock[] } | undefined

  readonly #tree: Tree
  readonly #geometry: Geometry
  readonly #blockBytes: number
  readonly #time: Time
  readonly #area: XattrArea

  constructor(tree: Tree, geometry: Geometry, time: Time, area: XattrArea) {
    this.inode = new InodeCursor(tree)
    this.#tree = tree
    this.#geometry = geometry
    this.#blockBytes = 2 ** geometry.blockBits
    this.#time = time
    this.#area = area
  }

  /** Bytes of the inode and all that is beside it. */
  get record(): number {
    return this.chunks === undefined ? this.head + this.tail : this.chunkIndex + this.chunks.count * chunkIndexBytes
  }

  /** Where a chunk index begins after the inode. */
  get chunkIndex(): number {
    return Math.ceil(this.head / chunkIndexBytes) * chunkIndexBytes
  }

  at(number: number): this {
    const inode = this.inode.at(number)
    this.directory = inode.type === 'directory' ? this.#list(number) : undefined
    this.size = this.directory === undefined ? inode.size : directorySize(this.directory.blocks, this.#blockBytes)
    this.extended = needsExtended(inode, this.size, this.#time)
    this.xattrs = this.#area.body(inode)
    this.head = (this.extended ? extendedBytes : compactBytes) + this.xattrs.length
    this.tail = 0
    this.blocks = 0
    this.chunks = undefined
    if (inode.type === 'file') this.#cut()
    else if (inode.type === 'directory' || inode.type === 'symlink') this.#divide()
    return this
  }

  #list(number: number) {
    const listing = new Listing(this.#tree, this.#tree.nodes[number] ?? 0)
    return { listing, blocks: blocksOf(listing, this.#blockBytes) }
  }

  #cut(): void {
    if (this.size === 0) return
    // One with holes keeps them: what it claims to be may fit nowhere.
    if (this.#geometry.selfContained && this.inode.tarOffset !== undefined) {
      this.#divide()
      return
    }
    this.chunks = planChunks(this.inode, this.#geometry)
    this.blocks = this.chunks.blocks
  }

  /** The rest that fills no block goes beside the inode if one block holds both. */
  #divide(): void {
    const blockBytes = this.#blockBytes
    const rest = this.size % blockBytes
    this.tail = this.head + rest <= blockBytes ? rest : 0
    this.blocks = Math.ceil((this.size - this.tail) / blockBytes)
  }
}
