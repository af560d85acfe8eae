import { mergeLayers } from '../layer/merge.ts'
import type { InodeCursor, Tree } from '../layer/tree.ts'
import type { Digest } from '../spec/digest.ts'
import { type LayerFiles, loadIndex } from './index-layer.ts'
import { Tars } from './tars.ts'

/** A layer that lies uncompressed in the store. */
export interface StoredLayer extends LayerFiles {
  readonly diffId: Digest
}

/** The files of an image, to be read without mounting it. */
export interface ImageTree {
  readonly tree: Tree
  /** Base first; inodes name them by number. */
  readonly layers: readonly StoredLayer[]
  /** A file's bytes: see `Tars`. */
  content(inode: InodeCursor): Iterable<Uint8Array>
  close(): void
}

/**
 * Merges the indexes of layers. Needs no privilege.
 *
 * Errors: those of `loadIndex` and `mergeLayers`.
 */
export function openImageTree(layers: readonly StoredLayer[]): ImageTree {
  const tree = mergeLayers(layers.map(layer => loadIndex(layer)))
  const tars = new Tars(layers.map(({ tar }) => tar))
  return { tree, layers, content: inode => tars.content(inode), close: () => tars.close() }
}
