import { nameAt, type Tree } from '../../layer/tree.ts'
import { openHostDirectory } from '../../system/jail.ts'
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../system/sys/constants.ts'
import type { Sys } from '../../system/sys/sys.ts'

/** Open descriptors kept, the root's aside; the tar's order makes few enough. */
const maxOpen = 64
const openFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW

/** Descriptors of a tree's directories as they lie on disk, each opened from its parent and never through a link. */
export class OpenDirectories {
  readonly #sys: Sys
  readonly #tree: Tree
  readonly #root: number
  /** By node, least recently used first. */
  readonly #open = new Map<number, number>()

  constructor(sys: Sys, tree: Tree, root: string) {
    this.#sys = sys
    this.#tree = tree
    this.#root = openHostDirectory(root)
  }

  /** Of a directory's node. Asking for another may close it, but for the one asked for before. */
  fd(node: number): number {
    const path: number[] = []
    let known = this.#find(node)
    for (let at = node; known === undefined; known = this.#find(at)) {
      path.push(at)
      at = this.#tree.parents[at] ?? 0
    }
    for (let at = path.pop(); at !== undefined; at = path.pop()) {
      known = this.#sys.openInRoot(known, nameAt(this.#tree, at), openFlags)
      this.#keep(at, known)
    }
    return known
  }

  close(): void {
    for (const fd of this.#open.values()) this.#sys.close(fd)
    this.#sys.close(this.#root)
  }

  #find(node: number): number | undefined {
    if (node === 0) return this.#root
    const fd = this.#open.get(node)
    if (fd === undefined) return undefined
    this.#open.delete(node)
    this.#open.set(node, fd)
    return fd
  }

  #keep(node: number, fd: number): void {
    this.#open.set(node, fd)
    if (this.#open.size <= maxOpen) return
    for (const [oldest, oldestFd] of this.#open) {
      this.#open.delete(oldest)
      this.#sys.close(oldestFd)
      return
    }
  }
}
