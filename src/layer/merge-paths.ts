import { ImageError } from '../errors.ts'
import type { LayerIndex } from './layer-index.ts'
import { type MergedTree, tooMuch } from './merge-tree.ts'
import { none } from './name-tree.ts'
import { noRow } from './tree.ts'

/** Linux's MAXSYMLINKS: symlinks on the way through one name. */
const maxFollows = 40
/** Components of symlinks' targets that one layer makes walk: a thousand times what real images need. */
const maxSteps = 2 ** 26

const slash = 0x2f
const dot = 0x2e

/** Where one layer's paths, as they stand in its index, lead in the merged tree: parents through symlinks, in the root. */
export class LayerPaths {
  readonly #tree: MergedTree
  readonly #layer: LayerIndex
  /** The directory that a path leads to, as of the change `#knownAt`. */
  readonly #known: Uint32Array
  readonly #knownAt: Uint32Array
  #steps = 0

  constructor(tree: MergedTree, layer: LayerIndex) {
    this.#tree = tree
    this.#layer = layer
    this.#known = new Uint32Array(layer.nodeParents.length)
    this.#knownAt = new Uint32Array(layer.nodeParents.length)
  }

  /** What `path` names, its last component not followed; or `none`. */
  find(path: number): number {
    const parent = this.directory(this.#layer.nodeParents[path] ?? 0)
    return parent === none ? none : this.child(parent, path)
  }

  /** The child of `parent` that has the name of `path`. */
  child(parent: number, path: number): number {
    const { nameEnds, names } = this.#layer
    return this.#tree.find(parent, names, nameEnds[path - 1] ?? 0, nameEnds[path] ?? 0)
  }

  /** The directory that `path` leads to, or `none`. */
  directory(path: number): number {
    return this.#resolve(path, false)
  }

  /** The same for an entry to come: made when it is missing, and kept. */
  makeDirectory(path: number): number {
    const directory = this.#resolve(path, true)
    this.#tree.keep(directory)
    return directory
  }

  /** Gives `parent` a child with the name of `path`, instead of `there`. */
  put(parent: number, path: number, there: number, inode: number): void {
    const { nameEnds, names } = this.#layer
    if (there !== none) this.#tree.remove(there)
    this.#tree.add(parent, names, nameEnds[path - 1] ?? 0, nameEnds[path] ?? 0, inode)
  }

  refuse(path: number, found: string): ImageError<'MALFORMED'> {
    const message = `Cannot place ${JSON.stringify(this.#text(path))} of a layer: ${found}`
    return new ImageError('MALFORMED', message, { what: 'layer' })
  }

  /** Climbs from `path` to where it is known, and comes down again. */
  #resolve(path: number, make: boolean): number {
    const { nodeParents, nameEnds, names } = this.#layer
    const below: number[] = []
    let at = path
    for (; at !== 0 && this.#knownAt[at] !== this.#tree.changes; at = nodeParents[at] ?? 0) below.push(at)
    let directory = at === 0 ? this.#tree.root : (this.#known[at] ?? 0)
    for (let next = below.pop(); next !== undefined; next = below.pop()) {
      directory = this.#walk(directory, names, nameEnds[next - 1] ?? 0, nameEnds[next] ?? 0, make, path)
      if (directory === none) return none
      this.#known[next] = directory
      this.#knownAt[next] = this.#tree.changes
    }
    return directory
  }

  /** Goes on from `from` by one name, through whatever symlinks; `none` when it is missing and not to be made. */
  #walk(from: number, bytes: Uint8Array, start: number, end: number, make: boolean, path: number): number {
    const there = this.#tree.find(from, bytes, start, end)
    if (there !== none && this.#tree.isDirectory(there)) return there
    // Targets under way: what is left of the innermost one comes first.
    const pending = [{ bytes, at: start, end }]
    let directory = from
    let follows = 0
    for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
      const { bytes, at, end } = part
      const stop = nextSlash(bytes, at, end)
      if (stop < end) pending.push({ bytes, at: stop + 1, end })
      const dots = dotsOf(bytes, at, stop)
      if (dots === 2) directory = this.#tree.names.parent(directory)
      if (dots !== undefined) continue
      const next = this.#tree.find(directory, bytes, at, stop)
      if (next === none) {
        if (!make) return none
        directory = this.#tree.add(directory, bytes, at, stop, this.#tree.newInode(noRow))
      } else if (this.#tree.isDirectory(next)) {
        directory = next
      } else {
        const target = this.#tree.linkTarget(next)
        if (target === undefined) {
          if (!make) return none
          this.#tree.remove(next)
          directory = this.#tree.add(directory, bytes, at, stop, this.#tree.newInode(noRow))
          continue
        }
        if (++follows > maxFollows) throw this.refuse(path, 'too many symlinks')
        this.#count(target.length)
        if (target[0] === slash) directory = this.#tree.root
        pending.push({ bytes: target, at: 0, end: target.length })
      }
    }
    return directory
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
