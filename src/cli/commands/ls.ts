import { findNode } from '../../layer/find-node.ts'
import { InodeCursor, type Tree } from '../../layer/tree.ts'
import { childrenOf, pathOf, type Visit, walk } from '../../layer/walk.ts'
import { command } from '../command.ts'
import { jsonFlag, platformFlag } from '../flags.ts'
import { listingColumns, listingJson, listingLine } from '../listing.ts'
import { localOnly, withTree } from '../local-layers.ts'
import { jsonArray, writePaged } from '../paged.ts'

export const ls = command({
  description: `${localOnly} Times are UTC, and names are escaped as ls -b does; JSON has them as they are.`,
  arguments: {
    ref: { summary: 'Image that is here' },
    path: { summary: 'File or directory in it (default: its root)', optional: true },
  },
  flags: {
    recursive: { summary: 'Go into directories', short: 'R' },
    null: { summary: 'Print names alone, as the bytes that they are, each ended by a NUL', short: '0' },
    ...platformFlag,
    ...jsonFlag,
  },
  async run(context, { path = '/', recursive, null: asBytes, json, ...image }) {
    await withTree(context, await context.look(), image, async ({ tree }) => {
      const node = findNode(tree, Buffer.from(path), { follow: false })
      const list = () => visit(tree, node, recursive)
      if (asBytes) return writePaged(context, names(list()))
      await writePaged(context, json ? jsonArray(objects(tree, node, list())) : lines(tree, list))
    })
  },
})

const nul = Buffer.from([0])

/** What is in a directory, with paths from there; anything else alone, with its own. */
function visit(tree: Tree, node: number, recursive: boolean): Iterable<Visit> {
  const { type } = new InodeCursor(tree).at(tree.inodes[node] ?? 0)
  if (type !== 'directory') return [{ node, path: pathOf(tree, node) }]
  return recursive ? walk(tree, node) : childrenOf(tree, node)
}

function* names(list: Iterable<Visit>): Generator<Buffer> {
  for (const { path } of list) yield Buffer.concat([path, nul])
}

/** Twice over the list: columns are as wide as their widest text. */
function* lines(tree: Tree, list: () => Iterable<Visit>): Generator<string> {
  const inode = new InodeCursor(tree)
  const widths: number[] = []
  for (const { node } of list()) {
    for (const [column, { length }] of listingColumns(inode.at(tree.inodes[node] ?? 0)).entries()) {
      widths[column] = Math.max(widths[column] ?? 0, length)
    }
  }
  for (const { node, path } of list()) yield listingLine(inode.at(tree.inodes[node] ?? 0), path, widths)
}

/** With paths from the root of the image. */
function* objects(tree: Tree, from: number, list: Iterable<Visit>): Generator<unknown> {
  const inode = new InodeCursor(tree)
  const prefix = Buffer.from(from === 0 ? '/' : `${pathOf(tree, from).toString('latin1')}/`, 'latin1')
  for (const { node, path } of list) {
    const isOwn = node === from
    yield listingJson(inode.at(tree.inodes[node] ?? 0), isOwn ? path : Buffer.concat([prefix, path]))
  }
}
