import { InodeCursor, nameAt, noRow, type Tree } from '../../layer/tree.ts'
import { unpackXattrs } from '../../layer/xattr-set.ts'
import { O_DIRECTORY, O_RDONLY } from '../../system/sys/constants.ts'
import type { Sys } from '../../system/sys/sys.ts'
import { type Attributes, AttributeWriter } from '../extract/attributes.ts'
import { EntryWriter } from '../extract/entry-writer.ts'
import { OpenDirectories } from './open-directories.ts'
import type { ReadAhead } from './read-ahead.ts'

const root = 0
const here = Buffer.from('.')
/** Of directories until they are finished: closed to others, and always open to us. */
const workingMode = 0o700
const noXattrs: ReadonlyMap<string, Buffer> = new Map()

/**
 * Writes a merged tree into an empty directory: directories first, then everything else in any order and by any number
 * of writers, at last the directories' attributes, which the rest would change or be hindered by.
 *
 * Nothing is looked up by a path, and no name is written twice: a tree has no links on the way to anything.
 * `close` is to be called in any case.
 *
 * Errors: system errors (ENOSPC, EACCES, …); MALFORMED for an extended attribute that the kernel refuses.
 */
export class TreeWriter {
  readonly #sys: Sys
  readonly #tree: Tree
  readonly #inode: InodeCursor
  readonly #attributes: AttributeWriter
  readonly #entries: EntryWriter
  readonly #directories: OpenDirectories
  #furtherNames: ReadonlyMap<number, readonly number[]> | undefined

  constructor(sys: Sys, tree: Tree, directory: string, warn: (message: string) => void) {
    this.#sys = sys
    this.#tree = tree
    this.#inode = new InodeCursor(tree)
    this.#attributes = new AttributeWriter(sys, warn)
    this.#entries = new EntryWriter(sys, this.#attributes, warn)
    this.#directories = new OpenDirectories(sys, tree, directory)
  }

  /** Parents before their children. Yields after each. */
  *makeDirectories(): Generator<void> {
    for (const node of this.#directoryNodes()) {
      if (node !== root) this.#sys.mkdirat(this.#parent(node), this.#name(node), workingMode)
      yield
    }
  }

  /** An inode that is no directory, with all its names. Yields now and then. */
  *write(inode: number, tars: ReadAhead): Generator<void> {
    const [node = root, ...others] = [this.#tree.nodes[inode] ?? root, ...(this.#namesAfterTheFirst().get(inode) ?? [])]
    const [dirfd, name] = [this.#parent(node), this.#name(node)]
    const at = this.#inode.at(inode)
    const wanted = attributesOf(at)
    const { type, major, minor } = at
    switch (type) {
      case 'file':
        yield* this.#file(dirfd, name, wanted, tars)
        break
      case 'symlink':
        this.#entries.symlink(dirfd, name, at.link, wanted)
        break
      case 'directory':
        return
      case 'character':
      case 'block':
      case 'fifo':
        if (!this.#entries.special(dirfd, name, { ...wanted, type, major, minor })) return
    }
    if (others.length > 0) this.#link(node, others)
    yield
  }

  /** The deepest first. Yields after each. */
  *finishDirectories(): Generator<void> {
    const made = this.#attributes.made(workingMode)
    for (const node of this.#directoryNodes().reverse()) {
      if (node === root) break
      const wanted = attributesOf(this.#inode.at(this.#tree.inodes[node] ?? 0))
      this.#attributes.node(this.#parent(node), this.#name(node), wanted, made, true)
      yield
    }
    this.#finishRoot()
  }

  close(): void {
    this.#directories.close()
  }

  /** Like the others, but made by somebody else: one that nobody described keeps the owner that it has. */
  #finishRoot(): void {
    const fd = this.#directories.fd(root)
    const present = this.#sys.stat(fd, here)
    const inode = this.#inode.at(this.#tree.inodes[root] ?? 0)
    const { uid, gid } = this.#tree.rowOf[inode.inode] === noRow ? present : inode
    this.#attributes.stripXattrs(fd, here)
    this.#attributes.node(
      fd,
      here,
      { ...attributesOf(inode), uid, gid },
      { ...present, mode: present.mode & 0o7777 },
      true,
    )
  }

  *#file(dirfd: number, name: Buffer, wanted: Attributes, tars: ReadAhead): Generator<void> {
    const { layer, size, segments } = this.#inode
    const file = this.#entries.open(dirfd, name, wanted)
    let isWhole = false
    try {
      for (const { tarOffset, fileOffset, length } of segments) {
        for (let at = 0; at < length; ) {
          // Others may work meanwhile, but for the first time.
          if (at > 0) yield
          const bytes = tars.read(layer, tarOffset + at, length - at)
          this.#entries.write(file, bytes, fileOffset + at)
          at += bytes.length
        }
      }
      this.#entries.finish(file, size)
      isWhole = true
    } finally {
      if (!isWhole) this.#entries.close(file)
    }
  }

  #link(node: number, others: readonly number[]): void {
    // A descriptor of its own: the way to another directory may be so long that the first is closed on it.
    const from = this.#sys.openInRoot(this.#parent(node), here, O_RDONLY | O_DIRECTORY)
    try {
      const name = this.#name(node)
      for (const other of others) this.#sys.linkat(from, name, this.#parent(other), this.#name(other))
    } finally {
      this.#sys.close(from)
    }
  }

  #parent(node: number): number {
    return this.#directories.fd(this.#tree.parents[node] ?? root)
  }

  #name(node: number): Buffer {
    return Buffer.from(nameAt(this.#tree, node))
  }

  /** Parents first: inodes are numbered in the order of their nodes. */
  #directoryNodes(): Uint32Array {
    return this.#tree.nodes.filter((_, inode) => this.#inode.at(inode).type === 'directory')
  }

  /** Of inodes with several names, all nodes but the first. */
  #namesAfterTheFirst(): ReadonlyMap<number, readonly number[]> {
    if (this.#furtherNames !== undefined) return this.#furtherNames
    const { nodes, inodes } = this.#tree
    const names = new Map<number, number[]>()
    for (const [node, inode] of inodes.entries()) {
      if (nodes[inode] === node) continue
      const known = names.get(inode)
      if (known === undefined) names.set(inode, [node])
      else known.push(node)
    }
    this.#furtherNames = names
    return names
  }
}

/** Of the inode that the cursor is at. */
function attributesOf({ uid, gid, mode, seconds, nanoseconds, packedXattrs }: InodeCursor): Attributes {
  const xattrs = packedXattrs.length === 0 ? noXattrs : unpackXattrs(Uint8Array.from(packedXattrs))
  return { uid, gid, mode, seconds, nanoseconds, xattrs }
}
