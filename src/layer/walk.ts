import { nameAt, type Tree } from './tree.ts'

/** A node on a walk, and its path from where the walk began. */
export interface Visit {
  readonly node: number
  readonly path: Buffer
}

const slash = Buffer.from('/')

/** What is in a directory, by the bytes of the names. */
export function* childrenOf(tree: Tree, directory: number): Generator<Visit> {
  for (let node = tree.children[directory] ?? 0; node < (tree.children[directory + 1] ?? 0); node++) {
    yield { node, path: Buffer.from(nameAt(tree, node)) }
  }
}

/** All that is below a directory: each directory before what is in it, by the bytes of the names. */
export function* walk(tree: Tree, directory: number): Generator<Visit> {
  const open = [{ inside: childrenOf(tree, directory), prefix: Buffer.alloc(0) }]
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const { value, done } = top.inside.next()
    if (done === true) {
      open.pop()
      continue
    }
    const path = Buffer.concat([top.prefix, value.path])
    yield { node: value.node, path }
    if (tree.children[value.node] === tree.children[value.node + 1]) continue
    open.push({ inside: childrenOf(tree, value.node), prefix: Buffer.concat([path, slash]) })
  }
}

/** From the root, which is `/`. */
export function pathOf(tree: Tree, node: number): Buffer {
  const parts: Uint8Array[] = []
  for (let at = node; at !== 0; at = tree.parents[at] ?? 0) parts.unshift(slash, nameAt(tree, at))
  return parts.length === 0 ? slash : Buffer.concat(parts)
}
