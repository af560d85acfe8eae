import { hasCode } from '../../errors.ts'
import { isDigest } from '../../spec/digest.ts'
import type { Collectable } from './graph.ts'
import type { Node } from './mark.ts'
import { isRoot, refs } from './refs.ts'

/** Where nodes are looked up. */
type Places = Pick<Collectable, 'store' | 'snapshotters'>

/**
 * What is needed, as far as a collection knows: it grows while the collection runs, by what is leased, rooted or mounted
 * meanwhile, and by what that leads to.
 */
export class Living {
  readonly #places: Places
  readonly #nodes: Set<Node>

  constructor(places: Places, nodes: Iterable<Node>) {
    this.#places = places
    this.#nodes = new Set(nodes)
  }

  /** Adds nodes and what they lead to now. */
  async add(nodes: Iterable<Node>): Promise<void> {
    const added = new Set(nodes)
    // A set's iterator meets what is added on the way.
    for (const node of added) {
      if (this.#nodes.has(node)) continue
      this.#nodes.add(node)
      const found = await lookUp(this.#places, node)
      for (const next of found?.needs ?? []) added.add(next)
    }
  }

  /** What is to be said of `node` now. That it has become a root is noticed. */
  async judge(node: Node): Promise<'needed' | 'unneeded' | 'absent'> {
    if (this.#nodes.has(node)) return 'needed'
    const found = await lookUp(this.#places, node)
    if (found?.isRoot) await this.add([node])
    if (found === undefined) return 'absent'
    return found.isRoot ? 'needed' : 'unneeded'
  }
}

interface Found {
  readonly isRoot: boolean
  readonly needs: readonly Node[]
}

/** As it is now; undefined when it isn't there. */
async function lookUp({ store, snapshotters }: Places, node: Node): Promise<Found | undefined> {
  const id = node.slice(node.indexOf(':') + 1)
  try {
    if (node.startsWith('content:')) {
      if (!isDigest(id)) return undefined
      const { labels } = await store.info(id)
      return { isRoot: isRoot(labels), needs: refs(labels) }
    }
    const [name, key] = [id.slice(0, id.indexOf('/')), id.slice(id.indexOf('/') + 1)]
    const snapshot = await snapshotters.find(one => one.name === name)?.stat(key)
    if (snapshot === undefined) return undefined
    const { parent, labels } = snapshot
    const needs: readonly Node[] = parent === undefined ? [] : [`snapshot:${name}/${parent}`]
    return { isRoot: isRoot(labels), needs: [...needs, ...refs(labels)] }
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return undefined
    throw error
  }
}
