import { decompress } from '../../../src/layer/compression/decompress.ts'
import { mergeLayers } from '../../../src/layer/merge.ts'
import type { Tree } from '../../../src/layer/tree.ts'
import { indexOf } from '../layers.ts'

/** An image as the index has it: its tree, and the tars that hold the data. */
export interface Opened {
  readonly tree: Tree
  readonly tars: readonly Uint8Array[]
}

/** Layers as a registry has them, unpacked, indexed and merged. */
export async function openLayers(layers: readonly Uint8Array[]): Promise<Opened> {
  const tars: Buffer[] = []
  for (const layer of layers) {
    const pieces: Uint8Array[] = []
    for await (const piece of decompress(once(layer))) pieces.push(piece)
    tars.push(Buffer.concat(pieces))
  }
  return { tree: mergeLayers(tars.map(tar => indexOf(tar))), tars }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
