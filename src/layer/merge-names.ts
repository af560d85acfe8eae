import { ImageError } from '../errors.ts'
import { Column } from './column.ts'
import { kind, type LayerIndex } from './layer-index.ts'
import { NameTree, none } from './name-tree.ts'
import { noRow } from './tree.ts'

/** As deep as a path of an archive may be; symlinks could lead deeper. */
const maxDepth = 1024
/** Linux's NAME_MAX. */
const maxNameBytes = 255
/** Linux's MAXSYMLINKS: symlinks on the way through one name. */
const maxFollows = 40
/** Components of symlinks' targets that one merge walks: a thousand times what real images need. */
const maxSteps = 2 ** 26

const slash = 0x2f
const dot = 0x2e

/**
 * The names of a merge under way, and the inodes that they lead to.
 *
 * Two kinds of nodes: those of the layer at hand (`path`), which say what stands in its tar, and those of the merged
 * tree, in which symlinks are resolved.
 */
export class MergedNames {
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

  #number = 0
  #layer: LayerIndex
  /** The directory that a path of this layer leads to, where `#knownAt` is `#now`. */
  #known = new Uint32Array(0)
  #knownAt = new Uint32Array(0)
  #now = 1
  #steps = 0

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
    this.#layer = layers[0] ?? ({} as LayerIndex)
    for (const column of [this.depths, this.kept, this.cuts]) column.push(0)
    this.inodes.push(this.newInode(noRow))
  }

  begin(layer: number): void {
    this.#number = layer
    this.#layer = this.layers[layer] ?? this.#layer
    const paths = this.#layer.nodeParents.length
    this.#known = new Uint32Array(paths)
    this.#knownAt = new Uint32Array(paths)
  }

  /** Nothing more will be looked up: what that took is free. */
  end(): void {
    this.names.seal()
    this.#known = new Uint32Array(0)
    this.#knownAt = new Uint32Array(0)
  }

  newInode(row: number): number {
    this.layerOf.push(this.#number)
    this.rowOf.push(row)
    return this.rowOf.length - 1
  }

  inode(node: number): number {
    return this.inodes.values[node] ?? none
  }

  isDirectory(node: number): boolean {
    return this.#kind(node) === kind.directory
  }

  /** What `path` names, its last component not followed; or `none`. */
  find(path: number): number {
    const parent = this.directory(this.#layer.nodeParents[path] ?? 0)
    return parent === none ? none : this.child(parent, path)
  }

  /** The child of `parent` that has the name of `path`. */
  child(parent: number, path: number): number {
    const { nameEnds, names } = this.#layer
    return this.#find(parent, names, nameEnds[path - 1] ?? 0, nameEnds[path] ?? 0)
  }

  /** The directory that `path` leads to, or `none`. */
  directory(path: number): number {
    return this.#resolve(path, false)
  }

  /** The same for an entry to come: made when it is missing, and kept. */
  makeDirectory(path: number): number {
    const directory = this.#resolve(path, true)
    this.keep(directory)
    return directory
  }

  /** This layer has an entry there: its marks spare it, and where it is. */
  keep(node: number): void {
    for (let at = node; this.kept.values[at] !== this.#number; at = this.names.parent(at)) {
      this.kept.values[at] = this.#number
    }
  }

  /** Hides what lower layers have as `node`. */
  hide(node: number): void {
    if (this.kept.values[node] !== this.#number) {
      this.#remove(node)
    } else if (this.isDirectory(node)) {
      this.hideContent(node)
      const inode = this.inode(node)
      if (this.layerOf.values[inode] !== this.#number) this.rowOf.values[inode] = noRow
    }
  }

  /** Hides what lower layers have in a directory. */
  hideContent(directory: number): void {
    this.cuts.values[directory] = this.#number
    this.#forget()
  }

  isWithin(node: number, directory: number): boolean {
    let at = node
    while (at > directory) at = this.names.parent(at)
    return at === directory
  }

  refuse(path: number, found: string): ImageError<'MALFORMED'> {
    return malformed(this.#text(path), found)
  }

  /** Gives `parent` a child with the name of `path`, instead of `there`. */
  put(parent: number, path: number, there: number, inode: number): void {
    const { nameEnds, names } = this.#layer
    if (there !== none) this.#remove(there)
    this.#add(parent, names, nameEnds[path - 1] ?? 0, nameEnds[path] ?? 0, inode)
  }

  /** Takes over the attributes of a directory's entry. */
  describe(directory: number, row: number): void {
    const inode = this.inode(directory)
    this.layerOf.values[inode] = this.#number
    this.rowOf.values[inode] = row
    this.keep(directory)
  }

  /**
   * Hands down to `node` what is hidden in its parent: a directory may lose its attributes. False when it is hidden itself.
   */
  inherit(node: number, parent: number): boolean {
    const cut = this.cuts.values[parent] ?? 0
    if ((this.kept.values[node] ?? 0) < cut) return false
    if ((this.cuts.values[node] ?? 0) >= cut) return true
    this.cuts.values[node] = cut
    const inode = this.inode(node)
    if (this.isDirectory(node) && (this.layerOf.values[inode] ?? 0) < cut) this.rowOf.values[inode] = noRow
    return true
  }

  #remove(node: number): void {
    const gone = this.#kind(node)
    this.inodes.values[node] = none
    if (gone === kind.directory || gone === kind.symlink) this.#forget()
  }

  /** Paths may lead elsewhere from now on. */
  #forget(): void {
    this.#now++
  }

  #find(parent: number, bytes: Uint8Array, start: number, end: number): number {
    const node = this.names.find(parent, bytes, start, end)
    return node === none || this.inode(node) === none || !this.inherit(node, parent) ? none : node
  }

  #add(parent: number, bytes: Uint8Array, start: number, end: number, inode: number): number {
    const depth = (this.depths.values[parent] ?? 0) + 1
    if (depth > maxDepth) throw tooMuch('depth of a directory', maxDepth)
    if (end - start > maxNameBytes) throw tooMuch('bytes of a name', maxNameBytes)
    this.keep(parent)
    const node = this.names.add(parent, bytes, start, end)
    this.inodes.push(inode)
    this.depths.push(depth)
    this.kept.push(this.#number)
    this.cuts.push(this.#number)
    return node
  }

  #kind(node: number): number {
    const inode = this.inode(node)
    const row = this.rowOf.values[inode] ?? noRow
    if (row === noRow) return kind.directory
    return this.layers[this.layerOf.values[inode] ?? 0]?.kind[row] ?? kind.file
  }

  /** Climbs from `path` to where it is known, and comes down again. */
  #resolve(path: number, make: boolean): number {
    const { nodeParents, nameEnds, names } = this.#layer
    const below: number[] = []
    let at = path
    for (; at !== 0 && this.#knownAt[at] !== this.#now; at = nodeParents[at] ?? 0) below.push(at)
    let directory = at === 0 ? this.root : (this.#known[at] ?? 0)
    for (let next = below.pop(); next !== undefined; next = below.pop()) {
      directory = this.#walk(directory, names, nameEnds[next - 1] ?? 0, nameEnds[next] ?? 0, make, path)
      if (directory === none) return none
      this.#known[next] = directory
      this.#knownAt[next] = this.#now
    }
    return directory
  }

  /** Goes on from `from` by one name, through whatever symlinks; `none` when it is missing and not to be made. */
  #walk(from: number, bytes: Uint8Array, start: number, end: number, make: boolean, path: number): number {
    const there = this.#find(from, bytes, start, end)
    if (there !== none && this.isDirectory(there)) return there
    // Targets under way: what is left of the innermost one comes first.
    const pending = [{ bytes, at: start, end }]
    let directory = from
    let follows = 0
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      const { bytes, at, end } = part
      const stop = nextSlash(bytes, at, end)
      if (stop < end) pending.push({ bytes, at: stop + 1, end })
      const dots = dotsOf(bytes, at, stop)
      if (dots === 2) directory = this.names.parent(directory)
      if (dots !== undefined) continue
      const next = this.#find(directory, bytes, at, stop)
      if (next === none) {
        if (!make) return none
        directory = this.#add(directory, bytes, at, stop, this.newInode(noRow))
      } else if (this.isDirectory(next)) {
        directory = next
      } else {
        const target = this.#target(next)
        if (target === undefined) {
          if (!make) return none
          this.#remove(next)
          directory = this.#add(directory, bytes, at, stop, this.newInode(noRow))
          continue
        }
        if (++follows > maxFollows) throw malformed(this.#text(path), 'too many symlinks')
        this.#count(target.length)
        if (target[0] === slash) directory = this.root
        pending.push({ bytes: target, at: 0, end: target.length })
      }
    }
    return directory
  }

  #target(node: number): Uint8Array | undefined {
    const inode = this.inode(node)
    const row = this.rowOf.values[inode] ?? noRow
    const layer = this.layers[this.layerOf.values[inode] ?? 0]
    if (layer === undefined || layer.kind[row] !== kind.symlink) return undefined
    const start = layer.data[row] ?? 0
    return layer.texts.subarray(start, start + (layer.size[row] ?? 0))
  }

  /** A target of `bytes` has at most half as many components. */
  #count(bytes: number): void {
    this.#steps += 1 + bytes / 2
    if (this.#steps > maxSteps) throw tooMuch('steps through symlinks', maxSteps)
  }

  /** A path of this layer, for people. */
  #text(path: number): string {
    const { nodeParents, nameEnds, names } = this.#layer
    const parts: string[] = []
    for (let at = path; at !== 0; at = nodeParents[at] ?? 0) {
      parts.push(Buffer.from(names.subarray(nameEnds[at - 1] ?? 0, nameEnds[at] ?? 0)).toString())
    }
    return parts.reverse().join('/')
  }
}

function nextSlash(bytes: Uint8Array, at: number, end: number): number {
  let stop = at
  while (stop < end && bytes[stop] !== slash) stop++
  return stop
}

/** 0: an empty name, 1: `.`, 2: `..`; else undefined. */
function dotsOf(bytes: Uint8Array, start: number, end: number): number | undefined {
  const length = end - start
  if (length > 2 || (length > 0 && bytes[start] !== dot) || (length > 1 && bytes[start + 1] !== dot)) return undefined
  return length
}

function malformed(path: string, found: string): ImageError<'MALFORMED'> {
  return new ImageError('MALFORMED', `Cannot place ${JSON.stringify(path)} of a layer: ${found}`, { what: 'layer' })
}

function tooMuch(limit: string, max: number): ImageError<'LIMIT_EXCEEDED'> {
  return new ImageError('LIMIT_EXCEEDED', `Cannot merge the layers: ${limit} above ${max}`, { limit, max })
}
