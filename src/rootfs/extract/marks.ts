import { errnoOf } from '../../errors.ts'
import { S_IFCHR } from '../../system/sys/constants.ts'
import type { Sys } from '../../system/sys/sys.ts'
import { implicitAttributes } from './attributes.ts'
import { type Directory, keyOf } from './directory.ts'
import { namesIn, removeTree } from './remove.ts'
import type { Tree } from './tree.ts'

/** Hides the lower layers' `name` in `directory`. What this layer wrote stays, wherever in the layer the mark stands. */
export function hide(sys: Sys, tree: Tree, directory: Directory, name: Buffer): void {
  tree.leftOut.hide(directory.pathOf(name))
  const child = directory.child(keyOf(name))
  if (child?.kept === true) {
    clear(sys, tree, child)
    disinherit(child)
    return
  }
  if (child !== undefined) tree.forget(child)
  const below = tree.lookBelow(directory, name)
  if (directory.exists && (child !== undefined || directory.isForeign(keyOf(name)))) {
    tree.touch(directory)
    removeTree(sys, tree.fd(directory), name)
  }
  if (below === undefined) return
  tree.raise(directory)
  tree.touch(directory)
  try {
    sys.mknodat(tree.fd(directory), name, S_IFCHR, 0, 0)
    directory.borrow(keyOf(name))
  } catch (error) {
    // This layer's own file hides it already, or another mark.
    if (errnoOf(error) !== 'EEXIST') throw error
  }
}

/** Hides all that the lower layers have in `directory`, but not the directory. */
export function hideAll(sys: Sys, tree: Tree, directory: Directory): void {
  tree.leftOut.hideIn(directory.path())
  if (directory === tree.root && tree.lowers.all.length > 0) {
    // overlayfs merges roots whatever they say of themselves.
    for (const name of tree.lowers.rootNames()) hide(sys, tree, directory, name)
    return
  }
  if (tree.below(directory).length > 0) tree.raise(directory)
  clear(sys, tree, directory)
}

/** Removes from `directory` what isn't this layer's. */
function clear(sys: Sys, tree: Tree, directory: Directory): void {
  const foreign = new Set<string>([...directory.borrowed].filter(key => directory.isForeign(key)))
  for (const child of directory.children) {
    if (!child.kept) foreign.add(child.key)
  }
  if (directory.exists && !directory.fresh) {
    for (const name of namesIn(tree.fd(directory))) {
      if (directory.isForeign(keyOf(name))) foreign.add(keyOf(name))
    }
  }
  if (directory.exists) tree.touch(directory)
  for (const key of foreign) {
    const child = directory.child(key)
    if (child !== undefined) tree.forget(child)
    if (directory.exists) removeTree(sys, tree.fd(directory), Buffer.from(key, 'latin1'))
  }
  tree.cutBelow(directory)
  for (const child of directory.children) {
    clear(sys, tree, child)
    disinherit(child)
  }
}

/** A directory of which only the lower layers had an entry is from now on a parent that nobody made. */
function disinherit(directory: Directory): void {
  if (directory.explicit) return
  directory.wanted = implicitAttributes
  directory.stripped = !directory.fresh
}
