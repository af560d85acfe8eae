/**
 * Devices of lower layers that could not be made here, and hardlinks to them: nothing has their names, and yet a
 * hardlink to one is no mistake. By paths from the root.
 *
 * What has such a name by now counts first, so names need not be taken out when an entry takes them.
 */
export class LeftOut {
  readonly #paths: Set<string>

  /** Bytes as latin1 strings. */
  constructor(paths: readonly string[] = []) {
    this.#paths = new Set(paths)
  }

  get paths(): Iterable<string> {
    return this.#paths
  }

  has(path: Buffer): boolean {
    return this.#paths.size > 0 && this.#paths.has(path.toString('latin1'))
  }

  /** A mark hides what is at `path`, and in it. */
  hide(path: Buffer): void {
    if (this.#paths.size === 0) return
    this.#paths.delete(path.toString('latin1'))
    this.hideIn(path)
  }

  /** A mark hides what is in the directory `path`: the root is an empty one. */
  hideIn(path: Buffer): void {
    const prefix = path.length === 0 ? '' : `${path.toString('latin1')}/`
    for (const one of this.#paths) if (one.startsWith(prefix)) this.#paths.delete(one)
  }
}
