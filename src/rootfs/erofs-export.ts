import { mergeLayers } from '../layer/merge.ts'
import { chainId } from '../spec/chain-id.ts'
import { hexOf } from '../spec/digest.ts'
import { Inbox } from '../system/inbox.ts'
import type { Channel, Task, Workers } from '../system/workers.ts'
import { writeErofs } from './erofs/writer.ts'
import type { StoredLayer } from './image-tree.ts'
import { loadIndex } from './index-layer.ts'
import { Tars } from './tars.ts'

const uuidBytes = 16
/** Pieces of half a MiB or a little more on their way at a time. */
const piecesAhead = 4

interface ExportArgs {
  readonly layers: readonly StoredLayer[]
}

/** Sends the image piece by piece, one for each message that it gets. */
const exportImage: Task<ExportArgs, true, Uint8Array, void> = { module: import.meta.url, name: exportImageTask.name }

export async function exportImageTask(
  { layers }: ExportArgs,
  { next, send }: Channel<true, Uint8Array>,
): Promise<void> {
  const tree = mergeLayers(layers.map(layer => loadIndex(layer)))
  const tars = new Tars(layers.map(({ tar }) => tar))
  const readTar = (layer: number, offset: number, length: number) => tars.read(layer, offset, length)
  const top = chainId(layers.map(({ diffId }) => diffId))
  const identity = top === undefined ? {} : { uuid: Buffer.from(hexOf(top), 'hex').subarray(0, uuidBytes) }
  try {
    for (const piece of writeErofs(tree, { selfContained: true, tags: [], readTar, ...identity })) {
      if ((await next()) === undefined) return
      const copy = piece.slice()
      send(copy, [copy.buffer])
    }
  } finally {
    tars.close()
  }
}

/**
 * The files of a stack of layers as one EROFS image that needs nothing else: a root disk. Made by a worker. The same
 * layers give the same bytes; its UUID is the beginning of the chain ID.
 */
export async function* exportErofs(
  workers: Workers,
  layers: readonly StoredLayer[],
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const inbox = new Inbox<Uint8Array>()
  const run = workers.run(exportImage, { layers }, { signal, onMessage: piece => inbox.push(piece) })
  run.result.then(
    () => inbox.end(),
    error => inbox.fail(error),
  )
  for (let ahead = 0; ahead < piecesAhead; ahead++) run.send(true)
  try {
    for (let piece = await inbox.next(); piece !== undefined; piece = await inbox.next()) {
      yield piece
      run.send(true)
    }
  } finally {
    run.end()
    await run.result.catch(() => {})
  }
}
