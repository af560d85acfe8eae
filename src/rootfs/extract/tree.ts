import { errnoOf } from '../../errors.ts'
import { maxComponentBytes } from '../../layer/path.ts'
import { openHostDirectory } from '../../system/jail.ts'
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../system/sys/constants.ts'
import type { Stat, Sys } from '../../system/sys/sys.ts'
import { type AttributeWriter, implicitAttributes } from './attributes.ts'
import { Directory, keyOf } from './directory.ts'
import { LeftOut } from './left-out.ts'
import { isDirectory, isLink, isWhiteout, Lowers } from './lowers.ts'
import { namesIn } from './remove.ts'
import { checkPlace, circle, isUp, stepsOf } from './steps.ts'
import type { Target } from './target.ts'

/** Open descriptors kept; the tar's order makes few enough. */
const maxOpen = 64
/** As the kernel's own path walk (path_resolution(7)). */
const maxLinks = 40

const openFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW

/** What a lower layer has. */
export interface Below {
  readonly index: number
  readonly path: Buffer
  readonly stat: Stat
}

/** What a name is found to be: a directory, a symlink's target, or something else that is no directory. */
type Found = Directory | Buffer | 'other' | undefined

/**
 * The merged tree of a target and what lies below it, directory by directory.
 *
 * Every step of a path is one name in an open directory, never through a link: symlinks are read and their targets
 * walked from inside the root, so nothing that a layer holds leads out.
 */
export class Tree {
  readonly root: Directory
  readonly lowers: Lowers
  readonly leftOut: LeftOut
  readonly #sys: Sys
  readonly #attributes: AttributeWriter
  /** Least recently used first. */
  readonly #open = new Set<Directory>()
  #lastAsked: Directory | undefined

  constructor(sys: Sys, attributes: AttributeWriter, { directory, lowers, namespace, leftOut }: Target) {
    this.#sys = sys
    this.#attributes = attributes
    this.lowers = new Lowers(sys, lowers, namespace)
    this.leftOut = new LeftOut(leftOut)
    this.root = new Directory(undefined, Buffer.from('.'))
    this.root.below = this.lowers.all
    this.root.exists = true
    this.root.fd = openHostDirectory(directory)
    if (lowers.length > 0) this.#copyAttributes(this.root)
    // An upper directory starts empty, as does a base layer's.
    this.root.fresh = lowers.length > 0 || namesIn(this.root.fd).length === 0
  }

  close(): void {
    for (const directory of this.#open) this.#sys.close(directory.fd)
    this.#sys.close(this.root.fd)
    this.lowers.close()
  }

  /**
   * The directory at `path`, through whatever links; undefined if there is none.
   *
   * Errors: MALFORMED: links in a circle.
   */
  find(path: readonly Buffer[]): Directory | undefined {
    return this.#walk(path, () => undefined)
  }

  /**
   * The directory at `path`, there in the target and ready to be written in. What is missing is made; what is no
   * directory, and leads to none, is replaced by one.
   */
  make(path: readonly Buffer[]): Directory {
    const directory = this.#walk(path, (at, name) => this.#implicit(at, name))
    if (directory === undefined) throw new Error('not made')
    this.raise(directory)
    this.touch(directory)
    return directory
  }

  /** The open descriptor of a directory that exists. Others may be closed by it, never the one asked for before. */
  fd(directory: Directory): number {
    const fd = this.#opened(directory)
    this.#lastAsked = directory
    return fd
  }

  /** Makes `directory` exist in the target: as a copy of the lower one, attributes and all. */
  raise(directory: Directory): void {
    if (directory.exists) return
    this.#copyAttributes(directory)
    this.create(directory, 0o700)
  }

  /** Makes `directory` in the target. */
  create(directory: Directory, mode: number): void {
    const parent = this.#parent(directory)
    this.raise(parent)
    this.touch(parent)
    // Closed to others while it is written, and always open to us.
    const working = (mode & 0o755) | 0o700
    this.#sys.mkdirat(this.fd(parent), directory.name, working)
    directory.exists = true
    directory.fresh = true
    directory.touched = true
    directory.actual = this.#attributes.made(working)
  }

  /** To be called before a change in `directory`: remembers what it is to look like in the end. */
  touch(directory: Directory): void {
    if (directory.touched) return
    directory.touched = true
    const [fd, name] = this.place(directory)
    const stat = this.#sys.stat(fd, name)
    const mode = stat.mode & 0o7777
    const xattrs = this.#attributes.takeDefaultAcl(fd, name)
    directory.wanted ??= { ...stat, mode, xattrs }
    // A set-group-id directory would give its group to what is made in it.
    const working = (mode & ~0o2000) | 0o700
    if (working !== mode) this.#sys.fchmodat(fd, name, working)
    directory.actual = { uid: stat.uid, gid: stat.gid, mode: working }
  }

  /** Descriptor and name for calls on `directory` itself. */
  place(directory: Directory): [dirfd: number, name: Buffer] {
    if (directory.parent === undefined) return [directory.fd, directory.name]
    return [this.fd(directory.parent), directory.name]
  }

  /** Forgets a directory that is gone, or about to go. */
  forget(directory: Directory): void {
    for (const child of directory.children) this.forget(child)
    if (this.#open.has(directory)) this.#closeOne(directory)
    directory.parent?.disown(directory.key)
  }

  /** Lower directories that merge at `directory`, nearest first. */
  below(directory: Directory): readonly number[] {
    if (directory.below !== undefined) return directory.below
    const found: number[] = []
    const path = directory.path()
    for (const index of this.below(this.#parent(directory))) {
      const stat = this.lowers.stat(index, path)
      if (stat === undefined) continue
      if (!isDirectory(stat)) break
      found.push(index)
      if (this.lowers.isOpaque(index, path)) break
    }
    directory.below = found
    return found
  }

  /** What the lower layers have as `name` in `directory`. */
  lookBelow(directory: Directory, name: Buffer): Below | undefined {
    const below = this.below(directory)
    if (below.length === 0) return undefined
    const path = directory.pathOf(name)
    for (const index of below) {
      const stat = this.lowers.stat(index, path)
      if (stat !== undefined) return isWhiteout(stat) ? undefined : { index, path, stat }
    }
    return undefined
  }

  /** What was of the lower layers in `directory` is no more. */
  cutBelow(directory: Directory): void {
    directory.opaque ||= this.below(directory).length > 0
    directory.below = []
  }

  /** The directory `name` that the target has in `at`; undefined if it is something else, or nothing. */
  existing(at: Directory, name: Buffer): Directory | undefined {
    let fd = -1
    try {
      fd = this.#sys.openInRoot(this.fd(at), name, openFlags)
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ELOOP') return undefined
      if (errno !== 'EACCES') throw error
    }
    const directory = new Directory(at, name)
    directory.exists = true
    // Closed even to its owner, an ordinary user: touching it opens it.
    if (fd === -1) this.touch(directory)
    directory.fd = fd
    this.fd(directory)
    return directory
  }

  #walk(
    path: readonly Buffer[],
    missing: (at: Directory, name: Buffer) => Directory | undefined,
  ): Directory | undefined {
    let at = this.root
    let links = 0
    const todo = path.toReversed()
    for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
      if (isUp(name)) {
        at = at.parent ?? at
        continue
      }
      // No file system has longer ones: they only stand in links.
      const found = name.length > maxComponentBytes ? undefined : (at.child(keyOf(name)) ?? this.#look(at, name))
      if (found instanceof Buffer) {
        if (++links > maxLinks) throw circle(path, maxLinks)
        if (found[0] === slash) at = this.root
        todo.push(...stepsOf(found).reverse())
        continue
      }
      const next = found instanceof Directory ? found : missing(at, name)
      if (next === undefined) return undefined
      at = next
    }
    return at
  }

  #look(at: Directory, name: Buffer): Found {
    if (!at.exists) return this.#lookBelow(at, name)
    // Directories that this layer made are known: here, it can only be a link or a file.
    const directory = at.fresh ? undefined : this.existing(at, name)
    if (directory !== undefined) return directory
    try {
      return this.#sys.readlinkat(this.fd(at), name)
    } catch (error) {
      const errno = errnoOf(error)
      if (errno === 'ENOENT') return this.#lookBelow(at, name)
      if (errno === 'EINVAL') return 'other'
      throw error
    }
  }

  #lookBelow(at: Directory, name: Buffer): Found {
    const found = this.lookBelow(at, name)
    if (found === undefined) return undefined
    if (isDirectory(found.stat)) return new Directory(at, name)
    if (isLink(found.stat)) return this.lowers.readlink(found.index, found.path)
    return 'other'
  }

  /** A parent that nobody made. What is there instead hid what lies below: so does the directory. */
  #implicit(at: Directory, name: Buffer): Directory {
    checkPlace(at.depth + 1, name)
    this.raise(at)
    this.touch(at)
    const hidden = this.lookBelow(at, name)
    const directory = new Directory(at, name)
    try {
      this.#sys.unlinkat(this.fd(at), name)
      directory.opaque = hidden !== undefined && isDirectory(hidden.stat)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
    directory.below = []
    directory.wanted = implicitAttributes
    this.create(directory, implicitAttributes.mode)
    return directory
  }

  #opened(directory: Directory): number {
    if (directory === this.root) return directory.fd
    if (directory.fd === -1) {
      directory.fd = this.#sys.openInRoot(this.#opened(this.#parent(directory)), directory.name, openFlags)
    } else {
      this.#open.delete(directory)
    }
    this.#open.add(directory)
    for (const oldest of this.#open) {
      if (this.#open.size <= maxOpen) break
      // The way to a deep directory opens more than are kept.
      if (oldest !== this.#lastAsked) this.#closeOne(oldest)
    }
    return directory.fd
  }

  #copyAttributes(directory: Directory): void {
    const [nearest] = this.below(directory)
    if (nearest === undefined) throw new Error('nothing below to copy')
    directory.wanted = this.lowers.attributes(nearest, directory.path())
  }

  #closeOne(directory: Directory): void {
    this.#sys.close(directory.fd)
    directory.fd = -1
    this.#open.delete(directory)
  }

  #parent({ parent }: Directory): Directory {
    if (parent === undefined) throw new Error('the root has no parent')
    return parent
  }
}

const slash = 0x2f
