import { constants, copyFileSync } from 'node:fs'
import { errnoOf, ImageError } from '../../errors.ts'
import { cleanPath } from '../../layer/path.ts'
import { procPath } from '../../system/jail.ts'
import { S_IFLNK, S_IFMT, S_IFREG } from '../../system/sys/constants.ts'
import type { Stat, Sys } from '../../system/sys/sys.ts'
import type { AttributeWriter } from './attributes.ts'
import { type Directory, keyOf } from './directory.ts'
import { isDirectory, isWhiteout } from './lowers.ts'
import type { Below, Tree } from './tree.ts'

/** A file that an entry may be linked to. */
export interface LinkTarget {
  readonly directory: Directory
  readonly name: Buffer
}

/**
 * The file that a hardlink's target names, there in the directory that is written: one that only a lower layer has is
 * copied up, to its own place.
 *
 * `left out`: a device that could not be made, of this layer or a lower one.
 *
 * Errors: MALFORMED: nothing there, or a directory.
 */
export function linkTarget(sys: Sys, attributes: AttributeWriter, tree: Tree, link: Buffer): LinkTarget | 'left out' {
  const path = cleanPath(link)
  const name = path.at(-1)
  const directory = name === undefined ? undefined : tree.find(path.slice(0, -1))
  if (name === undefined || directory === undefined) throw noTarget(link)
  const stat = statAt(sys, tree, directory, name)
  const isHidden = stat !== undefined && tree.root.below?.length !== 0 && isWhiteout(stat)
  if (stat !== undefined && !isHidden) {
    if (isDirectory(stat)) throw noTarget(link)
    return { directory, name }
  }
  const below = isHidden ? undefined : tree.lookBelow(directory, name)
  if (below === undefined && isLeftOut(tree, directory, name)) return 'left out'
  if (below === undefined || isDirectory(below.stat)) throw noTarget(link)
  const target = { directory, name }
  place(tree, target, dirfd => copyUp(sys, attributes, tree, dirfd, name, below))
  if (below.stat.nlink > 1) copyUpLinks(sys, tree, target, below)
  return target
}

function isLeftOut(tree: Tree, directory: Directory, name: Buffer): boolean {
  if (directory.isLeftOut(keyOf(name))) return true
  // A directory that this layer made has nothing of the lower ones, unless it is merged with theirs.
  const isNew = directory !== tree.root && directory.fresh && tree.below(directory).length === 0
  return !isNew && tree.leftOut.has(directory.pathOf(name))
}

/** Copies up the other names of a file that was: parted from it, they would be another file. */
function copyUpLinks(sys: Sys, tree: Tree, source: LinkTarget, { index, stat }: Below): void {
  for (const path of tree.lowers.linksOf(index, stat.ino)) {
    const parts = [...cleanPath(path)]
    const name = parts.pop()
    const directory = tree.find(parts)
    if (name === undefined || directory === undefined) continue
    if (!directory.path().equals(path.subarray(0, Math.max(path.length - name.length - 1, 0)))) continue
    const seen = tree.lookBelow(directory, name)
    if (seen?.index !== index || statAt(sys, tree, directory, name) !== undefined) continue
    place(tree, { directory, name }, dirfd => sys.linkat(tree.fd(source.directory), source.name, dirfd, name))
  }
}

function place(tree: Tree, { directory, name }: LinkTarget, make: (dirfd: number) => void): void {
  tree.raise(directory)
  tree.touch(directory)
  make(tree.fd(directory))
  directory.borrow(keyOf(name))
}

function statAt(sys: Sys, tree: Tree, directory: Directory, name: Buffer): Stat | undefined {
  if (!directory.exists) return undefined
  try {
    return sys.stat(tree.fd(directory), name)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

function copyUp(
  sys: Sys,
  attributes: AttributeWriter,
  tree: Tree,
  dirfd: number,
  name: Buffer,
  { index, path, stat }: Below,
): void {
  const wanted = tree.lowers.attributes(index, path)
  switch (stat.mode & S_IFMT) {
    case S_IFLNK:
      sys.symlinkat(tree.lowers.readlink(index, path), dirfd, name)
      attributes.symlink(dirfd, name, wanted)
      return
    case S_IFREG: {
      const mode = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE
      tree.lowers.open(index, path, from => copyFileSync(from, procPath(dirfd, name), mode))
      break
    }
    default:
      sys.mknodat(dirfd, name, (stat.mode & S_IFMT) | 0o600, stat.major, stat.minor)
  }
  attributes.node(dirfd, name, wanted, { uid: -1, gid: -1, mode: -1 })
}

export function noTarget(link: Buffer): ImageError {
  return new ImageError('MALFORMED', `Cannot apply the layer: no file ${link.toString()} to link to`, {
    what: 'hardlink',
  })
}
