import { errnoOf, ImageError } from '../../errors.ts'
import { cleanPath } from '../../layer/path.ts'
import type { TarEntry, TarSink } from '../../layer/tar/entry.ts'
import { whiteoutOf } from '../../layer/whiteout.ts'
import { checkXattrs } from '../../layer/xattr-limits.ts'
import { procPath } from '../../system/jail.ts'
import type { Sys } from '../../system/sys/sys.ts'
import { type Attributes, AttributeWriter } from './attributes.ts'
import { Directory, keyOf } from './directory.ts'
import { EntryWriter, type OpenFile } from './entry-writer.ts'
import { linkTarget, noTarget } from './hardlink.ts'
import { noDevices } from './losses.ts'
import { hide, hideAll } from './marks.ts'
import { removeTree } from './remove.ts'
import { checkPlace } from './steps.ts'
import type { Target } from './target.ts'
import { Tree } from './tree.ts'

/**
 * Writes a layer's entries into a directory, over what is there and what lies below it. A flat directory is an overlay
 * with nothing below: one set of rules serves both.
 *
 * Entries act one after another; a later one of the same name wins. A parent resolves through the links that are there
 * at that moment; one that is no directory, and leads to none, is replaced by one, as is any entry that another type
 * follows. Marks act on lower layers only: what this layer wrote stays, in any order, and a directory that then has
 * only this layer's entries in it and none of its own becomes a parent that nobody made. A mark makes no directories.
 *
 * Directories get their attributes in `finish`, since writing into them changes their times and needs their modes open.
 * `close` is to be called in any case.
 *
 * Errors: MALFORMED, UNSAFE, LIMIT_EXCEEDED; system errors (ENOSPC, EACCES, …).
 * Source: OCI image-spec v1.1, "Applying Changesets".
 */
export class Extractor implements TarSink {
  readonly #sys: Sys
  readonly #attributes: AttributeWriter
  readonly #entries: EntryWriter
  readonly #tree: Tree
  readonly #opaqueName: Buffer
  readonly #warn: (message: string) => void
  /**
   * Raw bytes before the last component of the entry before, and the directory that they led to, through no link. It stays
   * there while it is kept here: an entry removes only what is in its own parent, which is then the last; a mark spares it.
   */
  #lastParent: { readonly bytes: Buffer; readonly directory: Directory } | undefined
  #file: { readonly open: OpenFile; readonly size: number } | undefined

  constructor(sys: Sys, target: Target, warn: (message: string) => void) {
    this.#sys = sys
    this.#warn = warn
    this.#attributes = new AttributeWriter(sys, warn)
    this.#entries = new EntryWriter(sys, this.#attributes, warn)
    this.#tree = new Tree(sys, this.#attributes, target)
    this.#opaqueName = Buffer.from(`${target.namespace}.overlay.opaque`)
  }

  entry(entry: TarEntry): void {
    const path = cleanPath(entry.path)
    checkXattrs(entry.xattrs)
    const name = path.at(-1)
    if (name === undefined) {
      this.#root(entry)
      return
    }
    if (name[0] === dot) {
      const mark = whiteoutOf(name)
      if (mark !== undefined) {
        const directory = this.#tree.find(path.slice(0, -1))
        if (directory === undefined) return
        if (mark.kind === 'opaque') hideAll(this.#sys, this.#tree, directory)
        else hide(this.#sys, this.#tree, directory, mark.name)
        return
      }
    }
    this.#place(entry, this.#parent(entry.path, path, name), name)
  }

  data(bytes: Uint8Array, fileOffset: number): void {
    // A mark's data means nothing.
    if (this.#file !== undefined) this.#entries.write(this.#file.open, bytes, fileOffset)
  }

  done(): void {
    const file = this.#file
    if (file === undefined) return
    this.#entries.finish(file.open, file.size)
    this.#file = undefined
  }

  /** Gives directories their attributes, the deepest first. */
  finish(): void {
    this.#finish(this.#tree.root)
  }

  /** What this layer and those below have, and could not be made: see {@link Target}. */
  leftOut(): readonly string[] {
    return [...new Set([...this.#tree.leftOut.paths, ...leftOutIn(this.#tree.root)])]
  }

  close(): void {
    if (this.#file !== undefined) this.#entries.close(this.#file.open)
    this.#tree.close()
  }

  #finish(directory: Directory): void {
    for (const child of directory.children) this.#finish(child)
    if (!directory.touched || directory.wanted === undefined) return
    const [fd, name] = this.#tree.place(directory)
    if (directory.stripped) this.#attributes.stripXattrs(fd, name)
    if (directory.opaque) this.#sys.lsetxattr(procPath(fd, name), this.#opaqueName, yes)
    this.#attributes.node(fd, name, directory.wanted, directory.actual, true)
  }

  #root(entry: TarEntry): void {
    if (entry.type !== 'directory') {
      throw new ImageError('UNSAFE', `Cannot apply the layer: its root is a ${entry.type}`, { what: 'root entry' })
    }
    this.#explicit(this.#tree.root, entry)
  }

  /** The directory for an entry. In a tar's order it is mostly that of the entry before. */
  #parent(raw: Buffer, path: readonly Buffer[], name: Buffer): Directory {
    const length = name.byteOffset - raw.byteOffset
    const last = this.#lastParent
    if (last !== undefined && last.bytes.length === length && raw.compare(last.bytes, 0, length, 0, length) === 0) {
      return last.directory
    }
    const parents = path.slice(0, -1)
    const directory = this.#tree.make(parents)
    directory.keep()
    // Through a link, the entry may replace the very link.
    const certain = directory.isAt(parents)
    this.#lastParent = certain ? { bytes: Buffer.from(raw.subarray(0, length)), directory } : undefined
    return directory
  }

  #place(entry: TarEntry, directory: Directory, name: Buffer): void {
    checkPlace(directory.depth + 1, name)
    switch (entry.type) {
      case 'directory':
        this.#directory(entry, directory, name)
        return
      case 'file': {
        const open = this.#replace(directory, name, fd => this.#entries.open(fd, name, lasting(entry)))
        this.#file = { open, size: entry.size }
        return
      }
      case 'symlink':
        this.#replace(directory, name, fd => this.#entries.symlink(fd, name, entry.link, entry))
        return
      case 'hardlink':
        this.#link(entry, directory, name)
        return
      case 'character':
      case 'block':
      case 'fifo': {
        const special = { ...entry, type: entry.type }
        const isMade = this.#replace(directory, name, fd => this.#entries.special(fd, name, special))
        if (!isMade) this.#leaveOut(directory, name)
      }
    }
  }

  #directory(entry: TarEntry, directory: Directory, name: Buffer): void {
    const known = directory.child(keyOf(name)) ?? (directory.fresh ? undefined : this.#tree.existing(directory, name))
    const child = known ?? new Directory(directory, name)
    if (!child.exists) this.#create(child, entry.mode, known === undefined)
    this.#explicit(child, entry)
    child.keep()
  }

  /** Makes a directory in place of whatever the target has there; that hid what lies below, and so does the directory. */
  #create(child: Directory, mode: number, replaces: boolean): void {
    try {
      this.#tree.create(child, mode)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST' || !replaces) throw error
      const [fd, name] = this.#tree.place(child)
      this.#sys.unlinkat(fd, name)
      this.#tree.cutBelow(child)
      this.#tree.create(child, mode)
    }
  }

  #explicit(directory: Directory, entry: TarEntry): void {
    this.#tree.touch(directory)
    directory.explicit = true
    directory.stripped = !directory.fresh || directory === this.#tree.root
    directory.wanted = lasting(entry)
  }

  /** What is there, and below, is hidden all the same. */
  #leaveOut(directory: Directory, name: Buffer): void {
    hide(this.#sys, this.#tree, directory, name)
    directory.leaveOut(keyOf(name))
  }

  #link({ link }: TarEntry, directory: Directory, name: Buffer): void {
    const target = linkTarget(this.#sys, this.#attributes, this.#tree, link)
    if (target === 'left out') {
      this.#warn(noDevices)
      this.#leaveOut(directory, name)
      return
    }
    if (target.directory === directory && target.name.equals(name)) {
      directory.write(keyOf(name))
      return
    }
    const child = directory.child(keyOf(name))
    if (child !== undefined && target.directory.isWithin(child)) throw noTarget(link)
    const from = this.#tree.fd(target.directory)
    this.#replace(directory, name, fd => this.#sys.linkat(from, target.name, fd, name))
  }

  /** Makes something other than a directory; what is there goes, if it must. */
  #replace<T>(directory: Directory, name: Buffer, make: (dirfd: number) => T): T {
    const key = keyOf(name)
    const child = directory.child(key)
    if (child !== undefined) this.#tree.forget(child)
    directory.write(key)
    const fd = this.#tree.fd(directory)
    try {
      return make(fd)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error
    }
    removeTree(this.#sys, fd, name)
    return make(fd)
  }
}

const dot = 0x2e
const yes = Buffer.from('y')

function* leftOutIn(directory: Directory): Generator<string> {
  for (const key of directory.leftOut) yield directory.pathOf(Buffer.from(key, 'latin1')).toString('latin1')
  for (const child of directory.children) yield* leftOutIn(child)
}

/** Of an entry that is valid during the call only. */
function lasting({ uid, gid, mode, seconds, nanoseconds, xattrs }: TarEntry): Attributes {
  return { uid, gid, mode, seconds, nanoseconds, xattrs }
}
