import { mergeLayers } from '../../layer/merge.ts'
import { openSys } from '../../system/sys/linux.ts'
import type { Channel, Task } from '../../system/workers.ts'
import { noOpenat2, tellLosses } from '../extract/losses.ts'
import { type LayerFiles, loadIndex } from '../index-layer.ts'
import { Tars } from '../tars.ts'
import { takeTurns } from '../tree.ts'
import { type BatchCost, type Batches, cutBatches } from './batches.ts'
import { ReadAhead } from './read-ahead.ts'
import { TreeWriter } from './tree-writer.ts'

export interface WriterArgs {
  readonly layers: readonly LayerFiles[]
  /** An empty one. */
  readonly directory: string
  /** Refuse what would be lost, instead of telling of it. */
  readonly strict?: boolean
}

/** A part of the work: one writer makes the directories first, and finishes them at last; a batch is by its number. */
export type Step = 'directories' | 'finish' | { readonly batch: number }

/** `batches`: said once, at the beginning. `done`: the step that was asked for. */
export type FromWriter =
  | { readonly batches: readonly BatchCost[] }
  | { readonly done: Step }
  | { readonly warning: string }

/** Merges layers, then does of the writing what it is told, step by step. Several may work on one directory. */
export const writeTree: Task<WriterArgs, Step, FromWriter, void> = {
  module: import.meta.url,
  name: writeTreeTask.name,
}

export async function writeTreeTask(
  { layers, directory, strict = false }: WriterArgs,
  channel: Channel<Step, FromWriter>,
): Promise<void> {
  const tree = mergeLayers(layers.map(layer => loadIndex(layer)))
  const batches = cutBatches(tree)
  const tars = new Tars(layers.map(({ tar }) => tar))
  const readAhead = new ReadAhead(tars)
  const sys = openSys()
  const warn = tellLosses(strict, warning => channel.send({ warning }))
  if (!sys.hasOpenat2()) warn(noOpenat2)
  const writer = new TreeWriter(sys, tree, directory, warn)
  const turn = takeTurns(channel.signal)
  try {
    channel.send({ batches: batches.costs })
    for (let step = await channel.next(); step !== undefined; step = await channel.next()) {
      for (const _ of perform(step, writer, batches, readAhead)) await turn()
      channel.send({ done: step })
    }
  } finally {
    writer.close()
    tars.close()
  }
}

function* perform(step: Step, writer: TreeWriter, { inodes, ends }: Batches, tars: ReadAhead): Generator<void> {
  if (step === 'directories') yield* writer.makeDirectories()
  else if (step === 'finish') yield* writer.finishDirectories()
  else {
    for (const inode of inodes.subarray(ends[step.batch - 1] ?? 0, ends[step.batch])) yield* writer.write(inode, tars)
  }
}
