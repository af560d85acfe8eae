import { kind } from '../../layer/layer-index.ts'
import { noRow, type Tree } from '../../layer/tree.ts'

/** Inodes that aren't directories, in the order of the layers and their tars, cut into pieces of work. */
export interface Batches {
  readonly inodes: Uint32Array
  /** Where each batch ends in `inodes`. */
  readonly ends: readonly number[]
  readonly costs: readonly BatchCost[]
}

export interface BatchCost {
  /** Number of the one layer that it is of. */
  readonly layer: number
  /** In bytes, or their worth. */
  readonly weight: number
}

/** Making a file costs as much as writing so many bytes, or a little more. */
const bytesWorthAFile = 2 ** 14
/** Some ten milliseconds of work: little enough to share out evenly, enough for neighbours to stay together. */
const weightABatch = 2 ** 24

export function cutBatches(tree: Tree): Batches {
  const rows = inodesByRow(tree)
  const inodes = new Uint32Array(tree.nodes.length)
  const ends: number[] = []
  const costs: BatchCost[] = []
  let count = 0
  let weight = 0
  const cut = (layer: number) => {
    if (weight === 0) return
    ends.push(count)
    costs.push({ layer, weight })
    weight = 0
  }
  for (const [layer, { kind: kinds, size }] of tree.layers.entries()) {
    for (const [row, inodePlusOne] of rows[layer]?.entries() ?? []) {
      if (inodePlusOne === 0) continue
      inodes[count++] = inodePlusOne - 1
      weight += bytesWorthAFile + (kinds[row] === kind.file || kinds[row] === kind.scattered ? (size[row] ?? 0) : 0)
      if (weight >= weightABatch) cut(layer)
    }
    cut(layer)
  }
  return { inodes: inodes.slice(0, count), ends, costs }
}

/** Of each layer, by its rows: the inode that came from there, plus one; 0 for none and for directories. */
function inodesByRow({ layers, layerOf, rowOf, nodes }: Tree): readonly Uint32Array[] {
  const rows = layers.map(({ kind: kinds }) => new Uint32Array(kinds.length))
  for (let inode = 0; inode < nodes.length; inode++) {
    const [layer, row] = [layerOf[inode] ?? 0, rowOf[inode] ?? noRow]
    const inodesOfLayer = rows[layer]
    if (inodesOfLayer === undefined || row === noRow || layers[layer]?.kind[row] === kind.directory) continue
    inodesOfLayer[row] = inode + 1
  }
  return rows
}
