import { ImageError } from '../errors.ts'
import { kind, type LayerIndex } from './layer-index.ts'
import { arrange } from './merge-order.ts'
import { LayerPaths } from './merge-paths.ts'
import { MergedTree } from './merge-tree.ts'
import { none } from './name-tree.ts'
import type { Tree } from './tree.ts'

/** EROFS numbers its devices in 16 bits; no registry takes a manifest of so many layers. */
const maxLayers = 2 ** 16 - 1

/**
 * Makes one tree of a stack of layers, base first, as extracting them one after another would:
 * - Whiteouts and opaque marks hide what lower layers have, never what their own has, wherever in it they stand. A
 *   directory whose entry is hidden, but not what its layer put into it, is one that nobody described.
 * - A path's parents resolve inside the root, through the symlinks that stand by then. Parents that are missing or no
 *   directories are made; so are those that a dangling symlink names. Marks make none.
 * - A directory over a directory replaces its attributes, anything over anything else replaces it.
 * - A hardlink is one more name for what its target, not followed, names by then; that stays when the target goes.
 *
 * Errors: MALFORMED: too many symlinks, a hardlink to nothing or to a directory.
 *         LIMIT_EXCEEDED: layers, depth, steps through symlinks.
 * Source: OCI image-spec v1.1, "Applying Changesets".
 */
export function mergeLayers(layers: readonly LayerIndex[]): Tree {
  if (layers.length > maxLayers) {
    const [limit, max, actual] = ['layers', maxLayers, layers.length] as const
    throw new ImageError('LIMIT_EXCEEDED', `Cannot merge ${actual} layers: more than ${max}`, { limit, max, actual })
  }
  const tree = new MergedTree(layers)
  for (const [number, layer] of layers.entries()) {
    tree.layer = number
    const paths = new LayerPaths(tree, layer)
    for (let row = 0; row < layer.node.length; row++) apply(tree, paths, layer, row)
  }
  tree.names.seal()
  return arrange(tree)
}

function apply(tree: MergedTree, paths: LayerPaths, layer: LayerIndex, row: number): void {
  const path = layer.node[row] ?? 0
  switch (layer.kind[row]) {
    case kind.whiteout: {
      const found = paths.find(path)
      if (found !== none) tree.hide(found)
      return
    }
    case kind.opaque: {
      const found = paths.directory(path)
      if (found !== none) tree.hideContent(found)
      return
    }
    case kind.directory:
      placeDirectory(tree, paths, layer, row)
      return
    case kind.hardlink:
      placeHardlink(tree, paths, layer, row)
      return
    default: {
      const parent = paths.makeDirectory(layer.nodeParents[path] ?? 0)
      paths.put(parent, path, paths.child(parent, path), tree.newInode(row))
    }
  }
}

function placeDirectory(tree: MergedTree, paths: LayerPaths, layer: LayerIndex, row: number): void {
  const path = layer.node[row] ?? 0
  if (path === 0) {
    tree.describe(tree.root, row)
    return
  }
  const parent = paths.makeDirectory(layer.nodeParents[path] ?? 0)
  const there = paths.child(parent, path)
  if (there !== none && tree.isDirectory(there)) tree.describe(there, row)
  else paths.put(parent, path, there, tree.newInode(row))
}

function placeHardlink(tree: MergedTree, paths: LayerPaths, layer: LayerIndex, row: number): void {
  const path = layer.node[row] ?? 0
  const target = layer.data[row] ?? 0
  const parent = paths.makeDirectory(layer.nodeParents[path] ?? 0)
  const there = paths.child(parent, path)
  const found = paths.find(target)
  // What has its target in it can't give it its place.
  if (found === none || (there !== none && there !== found && tree.isWithin(found, there))) {
    throw paths.refuse(target, 'a hardlink leads to nothing')
  }
  if (tree.isDirectory(found)) throw paths.refuse(target, 'a hardlink leads to a directory')
  const inode = tree.inode(found)
  if (there === none || tree.inode(there) !== inode) paths.put(parent, path, there, inode)
  else tree.keep(there)
}
