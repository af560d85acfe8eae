import type { Item } from '../rootfs/extract/stack.ts'

/** What a stack of layers means, as plainly as it can be said: paths are texts, directories maps, copies eager. */
export interface ModelNode {
  /** Undefined: a directory that nobody described. */
  item: Item | undefined
  children: Map<string, ModelNode> | undefined
  /** The last layer that has an entry here or below. */
  touched: number
  /** The layer of `item`. */
  described: number
}

/** Undefined when the stack is refused. */
export function modelOf(layers: readonly (readonly Item[])[]): ModelNode | undefined {
  const root = newNode(undefined, -1)
  try {
    for (const [layer, items] of layers.entries()) for (const item of items) applyItem(root, item, layer)
    return root
  } catch (error) {
    if (error === refusal) return undefined
    throw error
  }
}

const refusal = new Error('refused')

function newNode(item: Item | undefined, layer: number): ModelNode {
  const directory = item === undefined || item.type === 'directory'
  return { item, children: directory ? new Map() : undefined, touched: layer, described: layer }
}

function applyItem(root: ModelNode, item: Item, layer: number): void {
  const path = clean(item.path.toString())
  const name = path.at(-1)
  if (name === undefined) {
    if (item.type !== 'directory') throw refusal
    Object.assign(root, { item, described: layer })
    return
  }
  const above = path.slice(0, -1)
  if (name.startsWith('.wh.')) applyMark(follow([root], above), name, layer)
  else applyEntry(root, item, above, name, layer)
}

function applyMark(found: ModelNode[] | undefined, name: string, layer: number): void {
  const directory = found?.at(-1)
  if (directory === undefined) return
  if (name === '.wh..wh..opq') {
    strip(directory, layer)
    return
  }
  const hidden = name.slice('.wh.'.length)
  const child = directory.children?.get(hidden)
  if (child === undefined) return
  if (child.touched !== layer) directory.children?.delete(hidden)
  else if (child.children !== undefined) undescribe(child, layer)
}

/** Removes what isn't this layer's. */
function strip(directory: ModelNode, layer: number): void {
  for (const [name, child] of directory.children ?? []) {
    if (child.touched !== layer) directory.children?.delete(name)
    else if (child.children !== undefined) undescribe(child, layer)
  }
}

function undescribe(directory: ModelNode, layer: number): void {
  strip(directory, layer)
  if (directory.described !== layer) directory.item = undefined
}

function applyEntry(root: ModelNode, item: Item, above: string[], name: string, layer: number): void {
  const way = follow([root], above, layer)
  const directory = way?.at(-1)
  if (way === undefined || directory === undefined) throw refusal
  for (const node of way) node.touched = layer
  const there = directory.children?.get(name)
  if (item.type === 'directory' && there?.children !== undefined) {
    Object.assign(there, { item, touched: layer, described: layer })
  } else if (item.type === 'hardlink') {
    const target = clean(item.link?.toString() ?? '')
    const targetWay = follow([root], target.slice(0, -1))
    const linked = targetWay?.at(-1)?.children?.get(target.at(-1) ?? '')
    if (linked === undefined || linked.children !== undefined) throw refusal
    // What has its target in it can't give it its place.
    if (there !== undefined && targetWay?.includes(there)) throw refusal
    // A name of its own, so that marks can tell them apart; the item says which file it is.
    directory.children?.set(name, { ...linked, touched: layer })
  } else {
    directory.children?.set(name, newNode(item, layer))
  }
}

/** From the root down to where `path` leads; directories are made when there is a layer to make them. */
function follow(from: ModelNode[], path: string[], layer?: number, follows = 0): ModelNode[] | undefined {
  const [name, ...rest] = path
  const directory = from.at(-1)
  if (name === undefined || directory === undefined) return from
  if (name === '' || name === '.') return follow(from, rest, layer, follows)
  if (name === '..') return follow(from.length > 1 ? from.slice(0, -1) : from, rest, layer, follows)
  const next = directory.children?.get(name)
  if (next?.children !== undefined) return follow([...from, next], rest, layer, follows)
  if (next?.item?.type === 'symlink') {
    if (follows === 40) throw refusal
    const link = next.item.link?.toString() ?? ''
    const start = link.startsWith('/') ? from.slice(0, 1) : from
    return follow(start, [...link.split('/'), ...rest], layer, follows + 1)
  }
  if (layer === undefined) return undefined
  const made = newNode(undefined, layer)
  directory.children?.set(name, made)
  return follow([...from, made], rest, layer, follows)
}

function clean(path: string): string[] {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return parts
}

/** Every path with its item, sorted; names of one file have one item. */
export function listModel(node: ModelNode, path = '.'): [path: string, item: Item | undefined][] {
  const inside = [...(node.children ?? [])].flatMap(([name, child]) =>
    listModel(child, path === '.' ? name : `${path}/${name}`),
  )
  return [[path, node.item], ...inside]
}
