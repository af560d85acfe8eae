import { ImageError } from '../errors.ts'
import { InodeCursor, nameAt, type Tree } from './tree.ts'

/** Linux's MAXSYMLINKS: symlinks on the way through one path. */
const maxFollows = 40

const root = 0
const slash = 0x2f

export interface FindOptions {
  /** Also follow a symlink that the path ends in. One before a slash is followed anyway. */
  readonly follow: boolean
}

/**
 * The node that a path names, as a process in the image would find it: through symlinks, and never out of the root.
 *
 * Errors: NOT_FOUND: a name that is missing, in something that is no directory, or behind too many symlinks.
 * Source: path_resolution(7).
 */
export function findNode(tree: Tree, path: Uint8Array, { follow }: FindOptions): number {
  const inode = new InodeCursor(tree)
  const pending = componentsOf(path)
  let node = root
  let follows = 0
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (inode.at(tree.inodes[node] ?? 0).type !== 'directory') throw notFound(path, 'part of it is no directory')
    if (name === '' || name === '.') continue
    if (name === '..') {
      node = tree.parents[node] ?? root
      continue
    }
    const child = childNamed(tree, node, Buffer.from(name, 'latin1'))
    if (child === undefined) throw notFound(path, 'no such file or directory')
    inode.at(tree.inodes[child] ?? 0)
    if (inode.type !== 'symlink' || (!follow && pending.length === 0)) {
      node = child
      continue
    }
    if (++follows > maxFollows) throw notFound(path, 'too many symlinks')
    if (inode.link[0] === slash) node = root
    pending.push(...componentsOf(inode.link))
  }
  return node
}

/** The first one last. A slash at the end leaves an empty one, which wants a directory. */
function componentsOf(path: Uint8Array): string[] {
  return Buffer.from(path).toString('latin1').split('/').reverse()
}

/** Siblings are sorted by the bytes of their names. */
function childNamed(tree: Tree, directory: number, name: Uint8Array): number | undefined {
  let low = tree.children[directory] ?? 0
  let high = tree.children[directory + 1] ?? 0
  while (low < high) {
    const middle = (low + high) >>> 1
    const order = Buffer.compare(nameAt(tree, middle), name)
    if (order === 0) return middle
    if (order < 0) low = middle + 1
    else high = middle
  }
  return undefined
}

function notFound(path: Uint8Array, found: string): ImageError<'NOT_FOUND'> {
  const name = Buffer.from(path).toString()
  return new ImageError('NOT_FOUND', `Cannot find ${JSON.stringify(name)} in the image: ${found}`, {
    what: 'file',
    name,
  })
}
