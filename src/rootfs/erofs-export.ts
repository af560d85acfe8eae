import { mergeLayers } from '../layer/merge.ts'
import { chainId } from '../spec/chain-id.ts'
import { hexOf } from '../spec/digest.ts'
import type { Channel, Workers } from '../system/workers.ts'
import { writeErofs } from './erofs/writer.ts'
import type { StoredLayer } from './image-tree.ts'
import { loadIndex } from './index-layer.ts'
import { type PieceTask, receivePieces, sendPieces } from './piece-stream.ts'
import { Tars } from './tars.ts'

const uuidBytes = 16

const exportImage: PieceTask<readonly StoredLayer[]> = { module: import.meta.url, name: exportErofsTask.name }

export async function exportErofsTask(
  layers: readonly StoredLayer[],
  channel: Channel<true, Uint8Array>,
): Promise<void> {
  const tree = mergeLayers(layers.map(layer => loadIndex(layer)))
  const tars = new Tars(layers.map(({ tar }) => tar))
  const readTar = (layer: number, offset: number, length: number) => tars.read(layer, offset, length)
  const top = chainId(layers.map(({ diffId }) => diffId))
  const identity = top === undefined ? {} : { uuid: Buffer.from(hexOf(top), 'hex').subarray(0, uuidBytes) }
  try {
    await sendPieces(writeErofs(tree, { selfContained: true, tags: [], readTar, ...identity }), channel)
  } finally {
    tars.close()
  }
}

/**
 * The files of a stack of layers as one EROFS image that needs nothing else: a root disk. Made by a worker. The same
 * layers give the same bytes; its UUID is the beginning of the chain ID.
 */
export function exportErofs(
  workers: Workers,
  layers: readonly StoredLayer[],
  options: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  return receivePieces(workers, exportImage, layers, options)
}
