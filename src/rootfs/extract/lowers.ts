import { errnoOf } from '../../errors.ts'
import { keepXattr } from '../../layer/xattrs.ts'
import { openHostDirectory, procPath } from '../../system/jail.ts'
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT } from '../../system/sys/constants.ts'
import type { Stat, Sys } from '../../system/sys/sys.ts'
import type { Attributes } from './attributes.ts'
import { namesIn, openDirectory } from './remove.ts'

/** A path longer than the kernel takes at once (4,095 bytes, with room for `/proc/self/fd/…/`) is gone in pieces. */
const maxPieceBytes = 4000

/**
 * The directories below an overlay's upper one, nearest first, by index. They are committed: nothing changes in them.
 *
 * Paths must name real directories all the way down to their last component.
 */
export class Lowers {
  readonly #sys: Sys
  readonly #roots: readonly number[]
  readonly #opaqueName: string
  readonly #links = new Map<number, Map<number, Buffer[]>>()

  constructor(sys: Sys, directories: readonly string[], namespace: 'trusted' | 'user') {
    this.#sys = sys
    this.#opaqueName = `${namespace}.overlay.opaque`
    this.#roots = directories.map(directory => openHostDirectory(directory, { readOnly: true }))
  }

  get all(): readonly number[] {
    return this.#roots.map((_, index) => index)
  }

  /** All names in their roots, those that one of them hides from the next included. */
  rootNames(): Buffer[] {
    const names = this.#roots.flatMap(fd => namesIn(fd).map(name => name.toString('latin1')))
    return [...new Set(names)].map(name => Buffer.from(name, 'latin1'))
  }

  /** Undefined: nothing there. */
  stat(index: number, path: Buffer): Stat | undefined {
    try {
      return this.#at(index, path, (fd, rest) => this.#sys.stat(fd, rest))
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  readlink(index: number, path: Buffer): Buffer {
    return this.#at(index, path, (fd, rest) => this.#sys.readlinkat(fd, rest))
  }

  isOpaque(index: number, path: Buffer): boolean {
    return this.#at(index, path, (fd, rest) => this.#sys.lgetxattrs(procPath(fd, rest))).has(this.#opaqueName)
  }

  attributes(index: number, path: Buffer): Attributes {
    return this.#at(index, path, (fd, rest) => {
      const stat = this.#sys.stat(fd, rest)
      const xattrs = [...this.#sys.lgetxattrs(procPath(fd, rest))].filter(([name]) => keepXattr(name))
      return { ...stat, mode: stat.mode & 0o7777, xattrs: new Map(xattrs) }
    })
  }

  /** Gives `use` a path that the kernel takes; it is valid during the call only. */
  open<T>(index: number, path: Buffer, use: (path: Buffer) => T): T {
    return this.#at(index, path, (fd, rest) => use(procPath(fd, rest)))
  }

  /**
   * All paths of the hardlinked file `ino`. Only a walk through the whole directory finds them: it is done once, and
   * only if a layer links to such a file.
   */
  linksOf(index: number, ino: number): readonly Buffer[] {
    let links = this.#links.get(index)
    if (links === undefined) {
      links = new Map()
      this.#links.set(index, links)
      this.#findLinks(this.#root(index), Buffer.alloc(0), links)
    }
    return links.get(ino) ?? []
  }

  close(): void {
    for (const fd of this.#roots) this.#sys.close(fd)
  }

  #findLinks(dirfd: number, prefix: Buffer, links: Map<number, Buffer[]>): void {
    for (const name of namesIn(dirfd)) {
      const path = Buffer.concat([prefix, name])
      const stat = this.#sys.stat(dirfd, name)
      if (isDirectory(stat)) {
        const fd = openDirectory(this.#sys, dirfd, name)
        try {
          this.#findLinks(fd, Buffer.concat([path, Buffer.from('/')]), links)
        } finally {
          this.#sys.close(fd)
        }
      } else if (stat.nlink > 1) {
        const known = links.get(stat.ino)
        if (known === undefined) links.set(stat.ino, [path])
        else known.push(path)
      }
    }
  }

  #root(index: number): number {
    const root = this.#roots[index]
    if (root === undefined) throw new Error(`no lower directory ${index}`)
    return root
  }

  #at<T>(index: number, path: Buffer, use: (fd: number, rest: Buffer) => T): T {
    const root = this.#root(index)
    let [fd, rest] = [root, path.length === 0 ? here : path]
    try {
      while (rest.length > maxPieceBytes) {
        const cut = rest.lastIndexOf(slash, maxPieceBytes)
        const next = this.#sys.openInRoot(fd, rest.subarray(0, cut), O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
        if (fd !== root) this.#sys.close(fd)
        fd = next
        rest = rest.subarray(cut + 1)
      }
      return use(fd, rest)
    } finally {
      if (fd !== root) this.#sys.close(fd)
    }
  }
}

const slash = 0x2f
const here = Buffer.from('.')

export function isDirectory({ mode }: Stat): boolean {
  return (mode & S_IFMT) === S_IFDIR
}

export function isLink({ mode }: Stat): boolean {
  return (mode & S_IFMT) === S_IFLNK
}

/** What overlayfs takes for "nothing here, whatever lies below". */
export function isWhiteout({ mode, major, minor }: Stat): boolean {
  return (mode & S_IFMT) === S_IFCHR && major === 0 && minor === 0
}
