import type { MergedTree } from './merge-tree.ts'
import { none } from './name-tree.ts'
import { InodeCursor, type Tree } from './tree.ts'

/** Puts what a merge left into a tree's order, with new numbers and without what is gone. */
export function arrange(merged: MergedTree): Tree {
  const { nodes, children } = breadthFirst(merged)
  const tree = {
    children,
    ...nameNodes(merged, nodes, children),
    ...numberInodes(merged, nodes),
    layers: merged.layers,
  }
  countLinks(tree)
  return tree
}

/** The nodes that are reached from the root, and where the children of each begin among them. */
function breadthFirst(merged: MergedTree): { readonly nodes: Uint32Array; readonly children: Uint32Array } {
  const { byParent, starts, count } = groupByParent(merged)
  const nodes = new Uint32Array(count)
  const children = new Uint32Array(count + 1)
  nodes[0] = merged.root
  let end = 1
  for (let node = 0; node < count; node++) {
    const old = nodes[node] ?? 0
    const inside = byParent.subarray(starts[old], starts[old + 1])
    sortByName(inside, merged)
    nodes.set(inside, end)
    children[node] = end
    end += inside.length
  }
  children[count] = end
  return { nodes, children }
}

/** A counting sort. Parents come before their children, so one pass finds out what can still be reached. */
function groupByParent(merged: MergedTree) {
  const { names, inodes, root } = merged
  const { parents } = names.columns()
  const size = parents.length
  const reached = new Uint8Array(size)
  const starts = new Uint32Array(size + 1)
  let count = 0
  for (let node = root; node < size; node++) {
    const parent = parents[node] ?? 0
    if (inodes.values[node] === none || (node !== root && (reached[parent] === 0 || !merged.inherit(node, parent)))) {
      continue
    }
    reached[node] = 1
    count++
    if (node !== root) starts[parent] = (starts[parent] ?? 0) + 1
  }
  for (let node = 1; node <= size; node++) starts[node] = (starts[node] ?? 0) + (starts[node - 1] ?? 0)
  const byParent = new Uint32Array(count - 1)
  // Each start is the end of its group so far; filling groups from their ends moves it to where it belongs.
  for (let node = size - 1; node > root; node--) {
    if (reached[node] === 0) continue
    const parent = parents[node] ?? 0
    const at = (starts[parent] ?? 0) - 1
    byParent[at] = node
    starts[parent] = at
  }
  return { byParent, starts, count }
}

/** Sorts siblings by the bytes of their names. Most archives have them in order, or nearly so. */
function sortByName(nodes: Uint32Array, { names }: MergedTree): void {
  const { ends, bytes } = names.columns()
  const compare = (a: number, b: number): number => {
    const [startA, startB] = [ends[a - 1] ?? 0, ends[b - 1] ?? 0]
    const [lengthA, lengthB] = [(ends[a] ?? 0) - startA, (ends[b] ?? 0) - startB]
    const length = Math.min(lengthA, lengthB)
    for (let i = 0; i < length; i++) {
      const difference = (bytes[startA + i] ?? 0) - (bytes[startB + i] ?? 0)
      if (difference !== 0) return difference
    }
    return lengthA - lengthB
  }
  for (let i = 1; i < nodes.length; i++) {
    if (compare(nodes[i - 1] ?? 0, nodes[i] ?? 0) < 0) continue
    nodes.sort(compare)
    return
  }
}

function nameNodes({ names }: MergedTree, nodes: Uint32Array, children: Uint32Array) {
  const { ends, bytes } = names.columns()
  const [parents, nameStarts] = [new Uint32Array(nodes.length), new Uint32Array(nodes.length)]
  const nameLengths = new Uint8Array(nodes.length)
  for (let node = 0; node < nodes.length; node++) {
    parents.fill(node, children[node], children[node + 1])
    const old = nodes[node] ?? 0
    const start = ends[old - 1] ?? 0
    nameStarts[node] = start
    nameLengths[node] = (ends[old] ?? 0) - start
  }
  return { parents, nameStarts, nameLengths, names: bytes }
}

function numberInodes(merged: MergedTree, nodes: Uint32Array) {
  const numbers = new Uint32Array(merged.rowOf.length).fill(none)
  const inodes = new Uint32Array(nodes.length)
  let count = 0
  for (let node = 0; node < nodes.length; node++) {
    const old = merged.inode(nodes[node] ?? 0)
    if (numbers[old] === none) numbers[old] = count++
    inodes[node] = numbers[old] ?? 0
  }
  const [first, layerOf, rowOf] = [new Uint32Array(count), new Uint16Array(count), new Uint32Array(count)]
  let next = 0
  for (let node = 0; node < nodes.length; node++) {
    if (inodes[node] !== next) continue
    const old = merged.inode(nodes[node] ?? 0)
    first[next] = node
    layerOf[next] = merged.layerOf.values[old] ?? 0
    rowOf[next] = merged.rowOf.values[old] ?? 0
    next++
  }
  return { inodes, nodes: first, layerOf, rowOf, links: new Uint32Array(count) }
}

function countLinks(tree: Tree): void {
  const { inodes, parents, links } = tree
  const cursor = new InodeCursor(tree)
  const count = (inode: number, by: number) => {
    links[inode] = (links[inode] ?? 0) + by
  }
  for (let node = 0; node < inodes.length; node++) {
    const inode = inodes[node] ?? 0
    const directory = cursor.at(inode).type === 'directory'
    count(inode, directory ? 2 : 1)
    if (directory && node > 0) count(inodes[parents[node] ?? 0] ?? 0, 1)
  }
}
