import { ImageError } from '../errors.ts'
import { Column } from './column.ts'
import { kind, type LayerIndex } from './layer-index.ts'
import { NameTree, none } from './name-tree.ts'
import { maxComponentBytes, maxDepth } from './path.ts'
import { noRow } from './tree.ts'

/** The tree of a merge under way: names, each in a directory, and the inodes that they lead to. */
export class MergedTree {
  readonly names: NameTree
  readonly layers: readonly LayerIndex[]
  /** Inode of each node; `none`: removed, and all below it. */
  readonly inodes: Column<Uint32Array>
  readonly depths: Column<Uint16Array>
  /** The last layer that has an entry of a node or in it. */
  readonly kept: Column<Uint16Array>
  /**
   * What layers below this one have in a directory is hidden: attributes of directories, and children that none from
   * it on has kept. It holds for all that is in the directory, and is handed down on the way there.
   */
  readonly cuts: Column<Uint16Array>
  /** Of each inode: as in a `Tree`. */
  readonly layerOf: Column<Uint16Array>
  readonly rowOf: Column<Uint32Array>
  readonly root = 0

  /** The layer at hand. */
  layer = 0
  /** Grows when paths may lead elsewhere than before. */
  changes = 1

  constructor(layers: readonly LayerIndex[]) {
    this.layers = layers
    // All names, as if none were in two layers; symlinks may lead to a few more.
    const count = layers.reduce((sum, layer) => sum + layer.nodeParents.length, 1)
    this.names = new NameTree(
      count,
      layers.reduce((sum, layer) => sum + layer.names.length, 0),
    )
    this.inodes = new Column<Uint32Array>(Uint32Array, count)
    this.depths = new Column<Uint16Array>(Uint16Array, count)
    this.kept = new Column<Uint16Array>(Uint16Array, count)
    this.cuts = new Column<Uint16Array>(Uint16Array, count)
    this.layerOf = new Column<Uint16Array>(Uint16Array, count)
    this.rowOf = new Column<Uint32Array>(Uint32Array, count)
    for (const column of [this.depths, this.kept, this.cuts]) column.push(0)
    this.inodes.push(this.newInode(noRow))
  }

  newInode(row: number): number {
    this.layerOf.push(this.layer)
    this.rowOf.push(row)
    return this.rowOf.length - 1
  }

  inode(node: number): number {
    return this.inodes.values[node] ?? none
  }

  isDirectory(node: number): boolean {
    return this.#kind(node) === kind.directory
  }

  isWithin(node: number, directory: number): boolean {
    let at = node
    while (at > directory) at = this.names.parent(at)
    return at === directory
  }

  /** The target of a symlink; undefined for anything else. */
  linkTarget(node: number): Uint8Array | undefined {
    const inode = this.inode(node)
    const row = this.rowOf.values[inode] ?? noRow
    const layer = this.layers[this.layerOf.values[inode] ?? 0]
    if (layer === undefined || layer.kind[row] !== kind.symlink) return undefined
    const start = layer.data[row] ?? 0
    return layer.texts.subarray(start, start + (layer.size[row] ?? 0))
  }

  /** What `parent` has by the name that is `bytes` from `start` to `end`, or `none`. */
  find(parent: number, bytes: Uint8Array, start: number, end: number): number {
    const node = this.names.find(parent, bytes, start, end)
    return node === none || this.inode(node) === none || !this.inherit(node, parent) ? none : node
  }

  /** A new child, in place of any other of that name. */
  add(parent: number, bytes: Uint8Array, start: number, end: number, inode: number): number {
    const depth = (this.depths.values[parent] ?? 0) + 1
    // Paths are held to both; symlinks could lead deeper, and to longer names.
    if (depth > maxDepth) throw tooMuch('depth of a directory', maxDepth)
    if (end - start > maxComponentBytes) throw tooMuch('bytes of a name', maxComponentBytes)
    this.keep(parent)
    const node = this.names.add(parent, bytes, start, end)
    this.inodes.push(inode)
    this.depths.push(depth)
    this.kept.push(this.layer)
    this.cuts.push(this.layer)
    return node
  }

  /** Takes over the attributes of a directory's entry. */
  describe(directory: number, row: number): void {
    const inode = this.inode(directory)
    this.layerOf.values[inode] = this.layer
    this.rowOf.values[inode] = row
    this.keep(directory)
  }

  /** This layer has an entry there: its marks spare it, and where it is. */
  keep(node: number): void {
    for (let at = node; this.kept.values[at] !== this.layer; at = this.names.parent(at)) {
      this.kept.values[at] = this.layer
    }
  }

  /** Hides what lower layers have as `node`. */
  hide(node: number): void {
    if (this.kept.values[node] !== this.layer) {
      this.remove(node)
    } else if (this.isDirectory(node)) {
      this.hideContent(node)
      const inode = this.inode(node)
      if (this.layerOf.values[inode] !== this.layer) this.rowOf.values[inode] = noRow
    }
  }

  /** Hides what lower layers have in a directory. */
  hideContent(directory: number): void {
    this.cuts.values[directory] = this.layer
    this.changes++
  }

  /**
   * Hands down to `node` what is hidden in its parent: a directory may lose its attributes. False when it is hidden itself.
   */
  inherit(node: number, parent: number): boolean {
    const cut = this.cuts.values[parent] ?? 0
    if (cut === 0) return true
    if ((this.kept.values[node] ?? 0) < cut) return false
    if ((this.cuts.values[node] ?? 0) < cut) this.cuts.values[node] = cut
    // Its own cut may be as new: an opaque mark hides what is in a directory, not its attributes.
    const inode = this.inode(node)
    if ((this.layerOf.values[inode] ?? 0) < cut && this.isDirectory(node)) this.rowOf.values[inode] = noRow
    return true
  }

  remove(node: number): void {
    const gone = this.#kind(node)
    this.inodes.values[node] = none
    if (gone === kind.directory || gone === kind.symlink) this.changes++
  }

  #kind(node: number): number {
    const inode = this.inode(node)
    const row = this.rowOf.values[inode] ?? noRow
    if (row === noRow) return kind.directory
    return this.layers[this.layerOf.values[inode] ?? 0]?.kind[row] ?? kind.file
  }
}

export function tooMuch(limit: string, max: number): ImageError<'LIMIT_EXCEEDED'> {
  return new ImageError('LIMIT_EXCEEDED', `Cannot merge the layers: ${limit} above ${max}`, { limit, max })
}
