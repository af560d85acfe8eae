import { setImmediate as giveWay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { InodeCursor, nameAt, type Tree } from '../layer/tree.ts'
import { walk } from '../layer/walk.ts'
import type { ImageTree } from './image-tree.ts'

/** In what two files of one path can differ. */
export type Difference = 'type' | 'mode' | 'owner' | 'target' | 'device' | 'xattrs' | 'size' | 'content'

/** One path that isn't the same in two images: in the first, in the second, or in both with differences. */
export interface Change {
  readonly kind: 'added' | 'changed' | 'removed'
  readonly path: Buffer
  readonly differences: readonly Difference[]
  /** Node in the tree of the first image. */
  readonly before?: number
  /** Node in the tree of the second. */
  readonly after?: number
}

const slash = Buffer.from('/')

/**
 * What changed from one image to another, by paths. Times and which names share a file don't count: they differ between
 * builds of the same.
 *
 * File data is compared when it isn't the same place of the same layer anyway.
 */
export async function* diffImages(before: ImageTree, after: ImageTree): AsyncGenerator<Change> {
  const differences = await compare(before, 0, after, 0)
  if (differences.length > 0) yield { kind: 'changed', path: slash, differences, before: 0, after: 0 }
  yield* diffDirectories(before, 0, after, 0, slash)
}

async function* diffDirectories(
  before: ImageTree,
  one: number,
  after: ImageTree,
  other: number,
  prefix: Buffer,
): AsyncGenerator<Change> {
  for (const [left, right] of pairs(before.tree, one, after.tree, other)) {
    const path = Buffer.concat([prefix, left === undefined ? nameAt(after.tree, right) : nameAt(before.tree, left)])
    if (left === undefined || right === undefined) {
      if (left !== undefined) yield* all('removed', before.tree, left, path)
      if (right !== undefined) yield* all('added', after.tree, right, path)
      continue
    }
    const differences = await compare(before, left, after, right)
    if (differences.length > 0) yield { kind: 'changed', path, differences, before: left, after: right }
    const inside = Buffer.concat([path, slash])
    if (!differences.includes('type')) {
      yield* diffDirectories(before, left, after, right, inside)
      continue
    }
    yield* below('removed', before.tree, left, inside)
    yield* below('added', after.tree, right, inside)
  }
}

/** The children of two directories by their names; one side is missing where only the other has the name. */
function* pairs(
  before: Tree,
  one: number,
  after: Tree,
  other: number,
): Generator<readonly [left: number, right: number | undefined] | readonly [left: undefined, right: number]> {
  let [left, right] = [before.children[one] ?? 0, after.children[other] ?? 0]
  const [leftEnd, rightEnd] = [before.children[one + 1] ?? 0, after.children[other + 1] ?? 0]
  while (left < leftEnd || right < rightEnd) {
    const order =
      right === rightEnd ? -1 : left === leftEnd ? 1 : Buffer.compare(nameAt(before, left), nameAt(after, right))
    if (order < 0) yield [left++, undefined]
    else if (order > 0) yield [undefined, right++]
    else yield [left++, right++]
  }
}

/** A node and all that is below it. */
function* all(kind: 'added' | 'removed', tree: Tree, node: number, path: Buffer): Generator<Change> {
  yield oneSided(kind, node, path)
  yield* below(kind, tree, node, Buffer.concat([path, slash]))
}

function* below(kind: 'added' | 'removed', tree: Tree, directory: number, prefix: Buffer): Generator<Change> {
  for (const { node, path } of walk(tree, directory)) yield oneSided(kind, node, Buffer.concat([prefix, path]))
}

function oneSided(kind: 'added' | 'removed', node: number, path: Buffer): Change {
  return { kind, path, differences: [], ...(kind === 'added' ? { after: node } : { before: node }) }
}

async function compare(before: ImageTree, left: number, after: ImageTree, right: number): Promise<Difference[]> {
  const one = new InodeCursor(before.tree).at(before.tree.inodes[left] ?? 0)
  const other = new InodeCursor(after.tree).at(after.tree.inodes[right] ?? 0)
  const owner = one.uid !== other.uid || one.gid !== other.gid
  const differences: Difference[] = [
    ...(one.mode === other.mode ? [] : (['mode'] as const)),
    ...(owner ? (['owner'] as const) : []),
    ...(Buffer.compare(one.packedXattrs, other.packedXattrs) === 0 ? [] : (['xattrs'] as const)),
  ]
  if (one.type !== other.type) return ['type', ...differences]
  switch (one.type) {
    case 'symlink':
      if (Buffer.compare(one.link, other.link) !== 0) differences.push('target')
      break
    case 'character':
    case 'block':
      if (one.major !== other.major || one.minor !== other.minor) differences.push('device')
      break
    case 'file':
      if (one.size !== other.size) differences.push('size')
      else if (!(await isSameContent(before, one, after, other))) differences.push('content')
      break
    case 'directory':
    case 'fifo':
  }
  return differences
}

/** Of files of one size. */
async function isSameContent(
  before: ImageTree,
  one: InodeCursor,
  after: ImageTree,
  other: InodeCursor,
): Promise<boolean> {
  const isSameLayer = before.layers[one.layer]?.diffId === after.layers[other.layer]?.diffId
  if (isSameLayer && isDeepStrictEqual(one.segments, other.segments)) return true
  const pieces = after.content(other)[Symbol.iterator]()
  for (const piece of before.content(one)) {
    // Pieces of files of one size are cut alike.
    if (Buffer.compare(piece, pieces.next().value) !== 0) return false
    await giveWay()
  }
  return true
}
