import { kind, type LayerIndex, minorRange } from './layer-index.ts'
import type { EntryType, Segment } from './tar/entry.ts'

/**
 * What a stack of layers comes to: names that lead to inodes, as columns.
 *
 * Node 0 is the root. The order follows from the layers alone: directories breadth first, the children of each by the
 * bytes of their names. So the nodes of a directory are neighbours, and a parent comes before its children.
 */
export interface Tree {
  /** Of each node, the root's own. */
  readonly parents: Uint32Array
  /** Where the name of each node begins in `names`, and its bytes. */
  readonly nameStarts: Uint32Array
  readonly nameLengths: Uint8Array
  readonly names: Uint8Array
  /** The inode of each node; hardlinks share one. Inodes are numbered as they are met. */
  readonly inodes: Uint32Array
  /** First child of each node; its children end where those of the next begin. One more at the end. */
  readonly children: Uint32Array

  readonly layers: readonly LayerIndex[]
  /** The first node of each inode. */
  readonly nodes: Uint32Array
  /** Of each inode: the layer that it came from, and its row there. No row: a directory that nobody described. */
  readonly layerOf: Uint16Array
  readonly rowOf: Uint32Array
  /** As Linux counts: names, and for a directory 2 + its directories. */
  readonly links: Uint32Array
}

export const noRow = 0xffff_ffff

export type InodeType = Exclude<EntryType, 'hardlink'>

/** By `kind`; no inode comes from a hardlink's row. */
const types: readonly InodeType[] = ['file', 'directory', 'symlink', 'file', 'character', 'block', 'fifo', 'file']

/**
 * Looks at one inode of a tree after another, without an object for each.
 *
 * A directory that only its children tell of is 0755 root:root, of 1970.
 */
export class InodeCursor {
  /** Number of the inode's layer: that of the tar which has its data. */
  layer = 0
  inode = 0
  readonly #tree: Tree
  #index: LayerIndex | undefined
  #row = 0

  constructor(tree: Tree) {
    this.#tree = tree
    this.at(0)
  }

  at(inode: number): this {
    const { layerOf, rowOf, layers } = this.#tree
    this.inode = inode
    this.layer = layerOf[inode] ?? 0
    this.#row = rowOf[inode] ?? noRow
    this.#index = this.#row === noRow ? undefined : layers[this.layer]
    return this
  }

  get type(): InodeType {
    return this.#index === undefined ? 'directory' : (types[this.#index.kind[this.#row] ?? 0] ?? 'file')
  }

  get mode(): number {
    return this.#index?.mode[this.#row] ?? 0o755
  }

  get uid(): number {
    return this.#index?.uid[this.#row] ?? 0
  }

  get gid(): number {
    return this.#index?.gid[this.#row] ?? 0
  }

  get seconds(): number {
    return this.#index?.seconds[this.#row] ?? 0
  }

  get nanoseconds(): number {
    return this.#index?.nanoseconds[this.#row] ?? 0
  }

  /** Bytes of a file, or of a symlink's target. */
  get size(): number {
    return this.#index?.size[this.#row] ?? 0
  }

  /** As Linux counts: names, and for a directory 2 + its directories. */
  get links(): number {
    return this.#tree.links[this.inode] ?? 0
  }

  get major(): number {
    return Math.floor(this.#data / minorRange)
  }

  get minor(): number {
    return this.#data % minorRange
  }

  /** The target of a symlink, verbatim. */
  get link(): Uint8Array {
    return this.#index?.texts.subarray(this.#data, this.#data + this.size) ?? new Uint8Array()
  }

  /** Where in its tar a file's data lies in one piece; undefined when it doesn't. */
  get tarOffset(): number | undefined {
    return this.#index?.kind[this.#row] === kind.file ? this.#data : undefined
  }

  /** Where the data of a file lies in its tar; what no segment covers reads as zeros. */
  get segments(): readonly Segment[] {
    if (this.#index === undefined) return []
    const { kind: kinds, scatteredEnds, segmentTar, segmentFile, segmentLength } = this.#index
    const data = this.#data
    if (kinds[this.#row] !== kind.scattered) {
      return this.size === 0 ? [] : [{ tarOffset: data, fileOffset: 0, length: this.size }]
    }
    const segments: Segment[] = []
    for (let i = data === 0 ? 0 : (scatteredEnds[data - 1] ?? 0); i < (scatteredEnds[data] ?? 0); i++) {
      const [tarOffset, fileOffset, length] = [segmentTar[i] ?? 0, segmentFile[i] ?? 0, segmentLength[i] ?? 0]
      segments.push({ tarOffset, fileOffset, length })
    }
    return segments
  }

  /** 0: no attributes; else a number of its layer: equal numbers are equal attributes. */
  get xattrSet(): number {
    return this.#index?.xattrs[this.#row] ?? 0
  }

  /** The attributes as they are packed: see `unpackXattrs`. */
  get packedXattrs(): Uint8Array {
    const set = this.xattrSet
    if (set === 0 || this.#index === undefined) return new Uint8Array()
    const { xattrEnds, xattrBytes } = this.#index
    return xattrBytes.subarray(set === 1 ? 0 : (xattrEnds[set - 2] ?? 0), xattrEnds[set - 1] ?? 0)
  }

  get #data(): number {
    return this.#index?.data[this.#row] ?? 0
  }
}

export function nameAt({ names, nameStarts, nameLengths }: Tree, node: number): Uint8Array {
  const start = nameStarts[node] ?? 0
  return names.subarray(start, start + (nameLengths[node] ?? 0))
}
