import { ImageError } from '../errors.ts'
import { kind, type LayerIndex } from './layer-index.ts'
import { MergedNames } from './merge-names.ts'
import { arrange } from './merge-order.ts'
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
  const names = new MergedNames(layers)
  for (const [number, layer] of layers.entries()) {
    names.begin(number)
    for (let row = 0; row < layer.node.length; row++) apply(names, layer, row)
  }
  names.end()
  return arrange(names)
}

function apply(names: MergedNames, layer: LayerIndex, row: number): void {
  const path = layer.node[row] ?? 0
  switch (layer.kind[row]) {
    case kind.whiteout: {
      const found = names.find(path)
      if (found !== none) names.hide(found)
      return
    }
    case kind.opaque: {
      const found = names.directory(path)
      if (found !== none) names.hideContent(found)
      return
    }
    case kind.directory:
      placeDirectory(names, layer, path, row)
      return
    case kind.hardlink:
      placeHardlink(names, layer, path, layer.data[row] ?? 0)
      return
    default: {
      const parent = names.makeDirectory(layer.nodeParents[path] ?? 0)
      names.put(parent, path, names.child(parent, path), names.newInode(row))
    }
  }
}

function placeDirectory(names: MergedNames, layer: LayerIndex, path: number, row: number): void {
  if (path === 0) {
    names.describe(names.root, row)
    return
  }
  const parent = names.makeDirectory(layer.nodeParents[path] ?? 0)
  const there = names.child(parent, path)
  if (there !== none && names.isDirectory(there)) names.describe(there, row)
  else names.put(parent, path, there, names.newInode(row))
}

function placeHardlink(names: MergedNames, layer: LayerIndex, path: number, target: number): void {
  const parent = names.makeDirectory(layer.nodeParents[path] ?? 0)
  const there = names.child(parent, path)
  const found = names.find(target)
  // What has its target in it can't give it its place.
  if (found === none || (there !== none && there !== found && names.isWithin(found, there))) {
    throw names.refuse(target, 'a hardlink leads to nothing')
  }
  if (names.isDirectory(found)) throw names.refuse(target, 'a hardlink leads to a directory')
  const inode = names.inode(found)
  if (there === none || names.inode(there) !== inode) names.put(parent, path, there, inode)
  else names.keep(there)
}
