import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { errnoOf } from '../../src/errors.ts'
import type { TarEntry, TarSink } from '../../src/layer/tar/entry.ts'
import { AT_FDCWD, S_IFBLK, S_IFCHR, S_IFIFO } from '../../src/system/sys/constants.ts'
import { openSys } from '../../src/system/sys/linux.ts'

/**
 * Extracts as one would who never heard of attacks: names are joined to the root, and the kernel goes where they lead.
 * Shows that an attack is one. It runs where it can do no harm, or not at all.
 */
export class NaiveExtractor implements TarSink {
  readonly #root: string
  #fd: number | undefined
  #finish = (): void => {}

  constructor(root: string) {
    this.#root = root
  }

  entry(entry: TarEntry): void {
    const path = this.#path(entry.path)
    const [directory, name] = split(path)
    mkdirSync(directory, { recursive: true })
    if (name === '.wh..wh..opq') {
      for (const child of readdirSync(directory)) rmSync(`${directory}/${child}`, { recursive: true, force: true })
    } else if (name.startsWith('.wh.')) {
      // The kernel, unlike Node, takes the dots as they are.
      for (const victim of expand(`${directory}/${name.slice(4)}`)) rmSync(victim, { recursive: true, force: true })
    } else {
      this.#make(entry, path)
      this.#finish = () => describe(entry, path)
    }
  }

  data(bytes: Uint8Array, fileOffset: number): void {
    if (this.#fd !== undefined) writeSync(this.#fd, bytes, 0, bytes.length, fileOffset)
  }

  done(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    this.#finish()
    this.#finish = () => {}
  }

  /** As Python's `os.path.join`: an absolute name is where it says. */
  #path(name: Buffer): string {
    const text = name.toString('latin1').replace(/\/+$/, '')
    return text.startsWith('/') ? text : `${this.#root}/${text}`
  }

  #make(entry: TarEntry, path: string): void {
    switch (entry.type) {
      case 'file':
        // Whatever is there is written into, through links.
        this.#fd = openSync(path, 'w')
        return
      case 'directory':
        if (!existsSync(path)) mkdirSync(path)
        return
      case 'symlink':
        remove(path)
        symlinkSync(entry.link, path)
        return
      case 'hardlink': {
        remove(path)
        const inside = this.#path(entry.link)
        linkSync(isThere(inside) ? inside : entry.link.toString('latin1'), path)
        return
      }
      case 'character':
      case 'block':
      case 'fifo': {
        remove(path)
        const type = { character: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO }[entry.type]
        openSys().mknodat(AT_FDCWD, Buffer.from(path, 'latin1'), type | 0o644, entry.major, entry.minor)
      }
    }
  }
}

/** By name, and so through links. */
function describe({ mode, uid, gid, seconds, xattrs }: TarEntry, path: string): void {
  if (!existsSync(path)) return
  try {
    chownSync(path, uid, gid)
    chmodSync(path, mode)
    for (const [name, value] of xattrs) setXattr(path, name, value)
    utimesSync(path, seconds, seconds)
  } catch (error) {
    // It was led to what the jail protects.
    if (errnoOf(error) !== 'EROFS') throw error
  }
}

function setXattr(path: string, name: string, value: Buffer): void {
  const fd = openSync(path, 'r')
  openSys().fsetxattr(fd, Buffer.from(name), value)
  closeSync(fd)
}

function split(path: string): [directory: string, name: string] {
  const slash = path.lastIndexOf('/')
  return [path.slice(0, slash), path.slice(slash + 1)]
}

/** A directory that is named by dots can't be removed, but what it has can. */
function expand(path: string): string[] {
  return /\/\.{0,2}$/.test(path) ? readdirSync(path).map(name => `${path}/${name}`) : [path]
}

function remove(path: string): void {
  if (isThere(path)) rmSync(path, { recursive: true })
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}
