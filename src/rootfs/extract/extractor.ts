import { ftruncateSync, writeSync } from 'node:fs'
import { errnoOf, ImageError } from '../../errors.ts'
import { cleanPath } from '../../layer/path.ts'
import type { TarEntry, TarSink } from '../../layer/tar/entry.ts'
import { whiteoutOf } from '../../layer/whiteout.ts'
import { procPath } from '../../system/jail.ts'
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, S_IFBLK, S_IFCHR, S_IFIFO } from '../../system/sys/constants.ts'
import type { Sys } from '../../system/sys/sys.ts'
import { type Attributes, AttributeWriter } from './attributes.ts'
import { Directory, keyOf } from './directory.ts'
import { linkTarget, noTarget } from './hardlink.ts'
import { hide, hideAll } from './marks.ts'
import { removeTree } from './remove.ts'
import type { Target } from './target.ts'
import { Tree } from './tree.ts'

const createFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW

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
  readonly #warn: (message: string) => void
  readonly #attributes: AttributeWriter
  readonly #tree: Tree
  readonly #opaqueName: Buffer
  /** Raw bytes before the last component of the entry before, and the directory that they led to. */
  #lastParent: { readonly bytes: Buffer; readonly directory: Directory } | undefined
  #file: OpenFile | undefined

  constructor(sys: Sys, target: Target, warn: (message: string) => void) {
    this.#sys = sys
    this.#warn = warn
    this.#attributes = new AttributeWriter(sys, warn)
    this.#tree = new Tree(sys, this.#attributes, target)
    this.#opaqueName = Buffer.from(`${target.namespace}.overlay.opaque`)
  }

  entry(entry: TarEntry): void {
    const path = cleanPath(entry.path)
    const name = path.at(-1)
    if (name === undefined) {
      this.#root(entry)
      return
    }
    if (name[0] === dot) {
      const mark = whiteoutOf(name)
      if (mark !== undefined) {
        this.#lastParent = undefined
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
    const file = this.#file
    // A mark's data, which means nothing.
    if (file === undefined) return
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(file.fd, bytes, at, bytes.length - at, fileOffset + at)
    }
    file.end = fileOffset + bytes.length
  }

  done(): void {
    const file = this.#file
    if (file === undefined) return
    // A sparse file's last hole.
    if (file.end < file.size) ftruncateSync(file.fd, file.size)
    this.#attributes.file(file.fd, file.wanted, file.mode)
    this.#closeFile(file)
  }

  /** Gives directories their attributes, the deepest first. */
  finish(): void {
    this.#finish(this.#tree.root)
  }

  close(): void {
    if (this.#file !== undefined) this.#closeFile(this.#file)
    this.#tree.close()
  }

  #closeFile({ fd }: OpenFile): void {
    this.#file = undefined
    this.#sys.close(fd)
  }

  #finish(directory: Directory): void {
    for (const child of directory.children) this.#finish(child)
    if (!directory.touched || directory.wanted === undefined) return
    const [fd, name] = this.#tree.place(directory)
    if (directory.stripped) this.#attributes.stripXattrs(fd, name)
    if (directory.opaque) this.#sys.lsetxattr(procPath(fd, name), this.#opaqueName, yes)
    this.#attributes.node(fd, name, directory.wanted, directory.actual)
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
    switch (entry.type) {
      case 'directory':
        this.#directory(entry, directory, name)
        return
      case 'file':
        this.#open(entry, directory, name)
        return
      case 'symlink':
        this.#replace(directory, name, fd => this.#sys.symlinkat(entry.link, fd, name))
        this.#attributes.symlink(this.#tree.fd(directory), name, entry)
        return
      case 'hardlink':
        this.#link(entry, directory, name)
        return
      case 'character':
      case 'block':
      case 'fifo':
        this.#node(entry, nodeType[entry.type], directory, name)
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
      this.#lastParent = undefined
      this.#sys.unlinkat(fd, name)
      this.#tree.cutBelow(child)
      this.#tree.create(child, mode)
    }
  }

  #explicit(directory: Directory, { uid, gid, mode, seconds, nanoseconds, xattrs }: TarEntry): void {
    this.#tree.touch(directory)
    directory.explicit = true
    directory.stripped = !directory.fresh || directory === this.#tree.root
    directory.wanted = { uid, gid, mode, seconds, nanoseconds, xattrs }
  }

  #open(entry: TarEntry, directory: Directory, name: Buffer): void {
    const { uid, gid, mode, seconds, nanoseconds, xattrs, size } = entry
    const wanted = { uid, gid, mode, seconds, nanoseconds, xattrs }
    const made = this.#attributes.initialMode(wanted)
    const fd = this.#replace(directory, name, dirfd => this.#sys.openat(dirfd, name, createFlags, made))
    this.#file = { fd, wanted, mode: made, size, end: 0 }
  }

  #node(entry: TarEntry, type: number, directory: Directory, name: Buffer): void {
    const made = this.#attributes.initialMode(entry)
    try {
      this.#replace(directory, name, fd => this.#sys.mknodat(fd, name, type | made, entry.major, entry.minor))
    } catch (error) {
      if (errnoOf(error) !== 'EPERM' || entry.type === 'fifo') throw error
      this.#warn('device files are left out: no privilege to make them')
      return
    }
    this.#attributes.node(this.#tree.fd(directory), name, entry, this.#attributes.made(made))
  }

  #link({ link }: TarEntry, directory: Directory, name: Buffer): void {
    const target = linkTarget(this.#sys, this.#attributes, this.#tree, link)
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
    this.#lastParent = undefined
    removeTree(this.#sys, fd, name)
    return make(fd)
  }
}

interface OpenFile {
  readonly fd: number
  readonly wanted: Attributes
  /** It was made with. */
  readonly mode: number
  readonly size: number
  /** Where the data written so far ends. */
  end: number
}

const dot = 0x2e
const yes = Buffer.from('y')
const nodeType = { character: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO }
