import type { Attributes } from './attributes.ts'

/**
 * A directory of the merged tree, as far as this layer had to look at it. It may lie in the target, below it, or both.
 *
 * Names are the bytes as latin1 strings.
 */
export class Directory {
  readonly parent: Directory | undefined
  readonly name: Buffer
  readonly key: string
  /** Of the root: 0. */
  readonly depth: number
  /** It is there in the target; else only below. */
  exists = false
  /** This layer made it in the target, so all that is in it there is this layer's, but for `borrowed`. */
  fresh = false
  /** This layer has an entry in it or of it: marks can't remove it. */
  kept = false
  /** This layer has an entry of it. */
  explicit = false
  /** Lower layers end here, and overlayfs is to be told. */
  opaque = false
  /** Lower directories that merge here, by index, nearest first. Unknown until somebody asks. */
  below: readonly number[] | undefined
  /** Changed, so that `wanted` must be brought about at the end. */
  touched = false
  wanted: Attributes | undefined
  /** What it has, where that matters for what is left to do. */
  actual = { uid: -1, gid: -1, mode: -1 }
  /** It has attributes of a lower layer's that must go. */
  stripped = false
  /** Open descriptor, or −1. */
  fd = -1
  #children: Map<string, Directory> | undefined
  #written: Set<string> | undefined
  #borrowed: Set<string> | undefined
  #leftOut: Set<string> | undefined

  constructor(parent: Directory | undefined, name: Buffer) {
    this.parent = parent
    // A view would keep its whole chunk alive.
    this.name = Buffer.from(name)
    this.key = keyOf(name)
    this.depth = parent === undefined ? 0 : parent.depth + 1
    parent?.adopt(this)
  }

  get children(): Iterable<Directory> {
    return this.#children?.values() ?? []
  }

  child(key: string): Directory | undefined {
    return this.#children?.get(key)
  }

  adopt(child: Directory): void {
    this.#children ??= new Map()
    this.#children.set(child.key, child)
  }

  disown(key: string): void {
    this.#children?.delete(key)
  }

  /** What the target has on behalf of the lower layers: files copied up only to link them, whiteouts. */
  get borrowed(): Iterable<string> {
    return this.#borrowed ?? []
  }

  borrow(key: string): void {
    this.#borrowed ??= new Set()
    this.#borrowed.add(key)
  }

  /** Of this layer: what could not be made. */
  get leftOut(): Iterable<string> {
    return this.#leftOut ?? []
  }

  /** This layer has a device as `key`, which could not be made. */
  leaveOut(key: string): void {
    this.#leftOut ??= new Set()
    this.#leftOut.add(key)
  }

  isLeftOut(key: string): boolean {
    return this.#leftOut?.has(key) === true
  }

  /** This layer wrote `key`, no directory. */
  write(key: string): void {
    this.#borrowed?.delete(key)
    this.#leftOut?.delete(key)
    if (this.fresh) return
    this.#written ??= new Set()
    this.#written.add(key)
  }

  /** What the target has as `key`, if anything, isn't this layer's: marks remove it. */
  isForeign(key: string): boolean {
    const child = this.child(key)
    if (child !== undefined) return !child.kept
    return this.fresh ? this.#borrowed?.has(key) === true : this.#written?.has(key) !== true
  }

  keep(): void {
    for (let at: Directory | undefined = this; at !== undefined && !at.kept; at = at.parent) at.kept = true
  }

  isWithin(other: Directory): boolean {
    for (let at: Directory | undefined = this; at !== undefined; at = at.parent) if (at === other) return true
    return false
  }

  /** Its own path is `path`: no link leads here from there. */
  isAt(path: readonly Buffer[]): boolean {
    let at: Directory | undefined = this
    for (const name of path.toReversed()) {
      if (at === undefined || !at.name.equals(name)) return false
      at = at.parent
    }
    return at !== undefined && at.parent === undefined
  }

  /** From the root, without a leading slash. */
  path(): Buffer {
    const names: Buffer[] = []
    for (let at: Directory = this; at.parent !== undefined; at = at.parent) names.push(slash, at.name)
    return Buffer.concat(names.reverse().slice(0, -1))
  }

  /** Of the entry `name` in it, from the root. */
  pathOf(name: Buffer): Buffer {
    const path = this.path()
    return path.length === 0 ? name : Buffer.concat([path, slash, name])
  }
}

const slash = Buffer.from('/')

export function keyOf(name: Buffer): string {
  return name.toString('latin1')
}
