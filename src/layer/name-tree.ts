import { Column, pushBytes } from './column.ts'

/** No node: neither an id that is given, nor one that could be. */
export const none = 0xffff_ffff

const firstSlots = 1024

/**
 * Names in directories, each a number: the root is 0, a child always more than its parent.
 *
 * Nodes are never removed: `add` puts a new one in the place of an old one of the same name, which is then found no
 * more, and with it all that was below it.
 */
export class NameTree {
  readonly #parents: Column<Uint32Array>
  readonly #ends: Column<Uint32Array>
  readonly #bytes: Column<Uint8Array>
  /** Open addressing, linear probing; 0 is free (the root is never looked up), at most half are taken. */
  #slots = new Uint32Array(firstSlots)
  #taken = 0
  /** Nobody can prepare names that collide: ids don't depend on it. */
  readonly #seed = Math.floor(Math.random() * 2 ** 32)

  /** Room for as many names and bytes as are expected. */
  constructor(nodes?: number, bytes?: number) {
    this.#parents = new Column<Uint32Array>(Uint32Array, nodes)
    this.#ends = new Column<Uint32Array>(Uint32Array, nodes)
    this.#bytes = new Column<Uint8Array>(Uint8Array, bytes)
    this.#parents.push(0)
    this.#ends.push(0)
  }

  get size(): number {
    return this.#parents.length
  }

  /** Bytes of all names. */
  get byteLength(): number {
    return this.#bytes.length
  }

  /** The child of `parent` that is named `bytes` from `start` to `end`, or `none`. */
  find(parent: number, bytes: Uint8Array, start: number, end: number): number {
    return this.#slots[this.#slot(parent, bytes, start, end)] || none
  }

  /** The same, made when absent. */
  intern(parent: number, bytes: Uint8Array, start: number, end: number): number {
    return this.#slots[this.#slot(parent, bytes, start, end)] || this.add(parent, bytes, start, end)
  }

  /** A new child, in place of any other of that name. */
  add(parent: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.#taken * 2 >= this.#slots.length) this.#rehash()
    const slot = this.#slot(parent, bytes, start, end)
    const node = this.#parents.length
    if (this.#slots[slot] === 0) this.#taken++
    this.#slots[slot] = node
    this.#parents.push(parent)
    pushBytes(this.#bytes, bytes, start, end)
    this.#ends.push(this.#bytes.length)
    return node
  }

  /** Nothing more will be looked up or added. */
  seal(): void {
    this.#slots = new Uint32Array(0)
  }

  parent(node: number): number {
    return this.#parents.values[node] ?? 0
  }

  name(node: number): Uint8Array {
    return this.#bytes.values.subarray(this.#start(node), this.#end(node))
  }

  /** The columns as they stand: parents, where each name ends, names one after another. */
  columns(): { readonly parents: Uint32Array; readonly ends: Uint32Array; readonly bytes: Uint8Array } {
    return { parents: this.#parents.view(), ends: this.#ends.view(), bytes: this.#bytes.view() }
  }

  #start(node: number): number {
    return node === 0 ? 0 : (this.#ends.values[node - 1] ?? 0)
  }

  #end(node: number): number {
    return this.#ends.values[node] ?? 0
  }

  /** Where a name is, or would go. */
  #slot(parent: number, bytes: Uint8Array, start: number, end: number): number {
    const mask = this.#slots.length - 1
    for (let slot = this.#hash(parent, bytes, start, end) & mask; ; slot = (slot + 1) & mask) {
      const node = this.#slots[slot] ?? 0
      if (node === 0 || this.#is(node, parent, bytes, start, end)) return slot
    }
  }

  #is(node: number, parent: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#parents.values[node] !== parent) return false
    const at = this.#start(node)
    if (this.#end(node) - at !== end - start) return false
    const names = this.#bytes.values
    for (let i = start; i < end; i++) if (names[at + i - start] !== bytes[i]) return false
    return true
  }

  /** FNV-1a with a seed and a final mix. */
  #hash(parent: number, bytes: Uint8Array, start: number, end: number): number {
    let hash = this.#seed ^ Math.imul(parent, 0x9e37_79b1)
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x0100_0193)
    hash = Math.imul(hash ^ (hash >>> 15), 0x85eb_ca6b)
    return (hash ^ (hash >>> 13)) >>> 0
  }

  #rehash(): void {
    const old = this.#slots
    this.#slots = new Uint32Array(old.length * 2)
    const names = this.#bytes.values
    const mask = this.#slots.length - 1
    for (const node of old) {
      if (node === 0) continue
      let slot = this.#hash(this.parent(node), names, this.#start(node), this.#end(node)) & mask
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask
      this.#slots[slot] = node
    }
  }
}
