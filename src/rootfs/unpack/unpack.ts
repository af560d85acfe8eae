import { availableParallelism } from 'node:os'
import { diskError } from '../../system/disk-error.ts'
import { Group } from '../../system/group.ts'
import { Inbox } from '../../system/inbox.ts'
import type { Run, Workers } from '../../system/workers.ts'
import { resetBaseDirectory } from '../base-directory.ts'
import { tellLosses } from '../extract/losses.ts'
import type { OpenImageWorker } from '../extract/worker.ts'
import type { LayerFiles } from '../index-layer.ts'
import { once } from '../once.ts'
import type { BatchCost } from './batches.ts'
import { type FromWriter, type Step, type WriterArgs, writeTree } from './task.ts'

/** Each has the merged tree in memory, and more of them wait for the file system's journal. */
const maxWriters = 2

export interface UnpackOptions {
  readonly signal: AbortSignal
  /** `part`: how much is written of what is left of a layer, by its number: 0 to 1. */
  readonly onProgress?: (layer: number, part: number) => void
  /** Said once or a few times each: what is lost here and why. */
  readonly onWarning?: (message: string) => void
  /** Fail with UNSUPPORTED where something would be lost, instead of telling of it. */
  readonly strict?: boolean
}

/**
 * Writes the files of a stack of layers, base first, into an empty directory: those that are left when all layers are
 * merged, each once, by several image workers in the order of the tars. An ordinary user gets what such a user can make.
 *
 * The same tree as an `Applier` makes of the layers one after another. On failure what was written stays, for the
 * caller to remove.
 *
 * Errors: those of `loadIndex` and `mergeLayers`; MALFORMED (an extended attribute), NO_SPACE, DENIED.
 */
export async function unpackTree(
  openWorker: OpenImageWorker,
  layers: readonly LayerFiles[],
  directory: string,
  options: UnpackOptions,
): Promise<void> {
  const count = Math.min(availableParallelism(), maxWriters)
  const opened = await Promise.allSettled(Array.from({ length: count }, () => openWorker([writeTree])))
  const workers = opened.flatMap(worker => (worker.status === 'fulfilled' ? [worker.value] : []))
  try {
    for (const worker of opened) if (worker.status === 'rejected') throw worker.reason
    const { strict = false } = options
    // Each worker lacks the same.
    const onWarning = once(options.onWarning ?? (() => {}))
    workers.flatMap(({ losses }) => losses).forEach(tellLosses(strict, onWarning))
    resetBaseDirectory(directory)
    await writeWith(workers, { layers, directory, strict }, { ...options, onWarning })
  } catch (error) {
    throw diskError(error, directory)
  } finally {
    await Promise.all(workers.map(worker => worker.close()))
  }
}

async function writeWith(
  workers: readonly Workers[],
  args: WriterArgs,
  { signal, onProgress, onWarning }: UnpackOptions,
): Promise<void> {
  const group = new Group(signal)
  const writers = workers.map(worker => new Writer(worker, args, group, onWarning))
  const [first] = writers
  group.run(async () => {
    const [batches = []] = await Promise.all(writers.map(writer => writer.batches()))
    const tell = counter(batches, args.layers.length, onProgress)
    await first?.perform('directories')
    let next = 0
    const writeBatches = async (writer: Writer) => {
      for (let batch = next++; batch < batches.length; batch = next++) {
        await writer.perform({ batch })
        tell(batch)
      }
    }
    await Promise.all(writers.map(writeBatches))
    await first?.perform('finish')
    for (const writer of writers) writer.end()
  })
  await group.wait()
}

/** A task that answers each thing that it is told. */
class Writer {
  readonly #run: Run<Step, void>
  readonly #answers = new Inbox<Exclude<FromWriter, { readonly warning: string }>>()

  constructor(worker: Workers, args: WriterArgs, group: Group, onWarning: UnpackOptions['onWarning']) {
    const onMessage = (message: FromWriter) => {
      if ('warning' in message) onWarning?.(message.warning)
      else this.#answers.push(message)
    }
    this.#run = worker.run(writeTree, args, { signal: group.signal, onMessage })
    group.run(() => this.#run.result)
    this.#run.result.catch(error => this.#answers.fail(error))
  }

  async batches(): Promise<readonly BatchCost[]> {
    const answer = await this.#answers.next()
    return answer !== undefined && 'batches' in answer ? answer.batches : []
  }

  async perform(step: Step): Promise<void> {
    this.#run.send(step)
    await this.#answers.next()
  }

  end(): void {
    this.#run.end()
  }
}

/** Tells of each layer how much is written when one more batch is. */
function counter(
  batches: readonly BatchCost[],
  layers: number,
  tell: UnpackOptions['onProgress'],
): (batch: number) => void {
  const totals = new Float64Array(layers)
  const done = new Float64Array(layers)
  for (const { layer, weight } of batches) totals[layer] = (totals[layer] ?? 0) + weight
  return batch => {
    const { layer = 0, weight = 0 } = batches[batch] ?? {}
    done[layer] = (done[layer] ?? 0) + weight
    tell?.(layer, (done[layer] ?? 0) / (totals[layer] ?? 1))
  }
}
