import type { Descriptor } from '../../spec/descriptor.ts'
import type { BlobReader, ContentStore } from '../../store/content/store.ts'
import { CHUNK_BYTES } from '../../system/chunks.ts'
import { diskError } from '../../system/disk-error.ts'
import type { Run, Workers } from '../../system/workers.ts'
import type { Applied, Applier, ApplyOptions } from '../applier.ts'
import type { Mount } from '../mounts.ts'
import { type ApplyResult, applyLayer } from './apply-task.ts'
import { tellLosses } from './losses.ts'
import { targetOf } from './target.ts'
import type { OpenImageWorker } from './worker.ts'

export interface ApplierOptions {
  readonly openWorker: OpenImageWorker
  /** Fail with UNSUPPORTED where something would be lost, instead of telling of it. */
  readonly strict?: boolean
}

/**
 * Applies layers to directories.
 *
 * `openWorker` is asked once an image; what it can't do is said with the image's first layer, each loss once.
 */
export function openApplier({ openWorker, strict = false }: ApplierOptions): Applier {
  const said = new Set<string>()
  return {
    open() {
      const opened = openWorker([applyLayer])
      // Heard of by whoever applies a layer.
      opened.catch(() => {})
      return {
        apply: async (store, layer, mounts, options = {}) => {
          const worker = await opened
          const onWarning = (message: string) => {
            if (!said.has(message)) options.onWarning?.(message)
            said.add(message)
          }
          worker.losses.forEach(tellLosses(strict, onWarning))
          return apply({ workers: worker, strict }, store, layer, mounts, { ...options, onWarning })
        },
        close: async () => (await opened.catch(() => undefined))?.close(),
      }
    },
  }
}

async function apply(
  { workers, strict }: { readonly workers: Workers; readonly strict: boolean },
  store: ContentStore,
  layer: Descriptor,
  mounts: readonly Mount[],
  { signal, allowance, leftOut = [], onProgress, onWarning }: ApplyOptions = {},
): Promise<Applied> {
  const target = { ...targetOf(mounts), leftOut }
  const blob = await store.open(layer.digest)
  const failed = new AbortController()
  try {
    let feed: (() => void) | undefined
    const run = workers.run(
      applyLayer,
      { path: blob.path, target, allowance, strict },
      {
        signal: signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]),
        onMessage: message => {
          if ('consumed' in message) onProgress?.(message.consumed)
          else if ('warning' in message) onWarning?.(message.warning)
          else feed?.()
        },
      },
    )
    if (blob.path === undefined) feed = feeder(blob, run, error => failed.abort(error))
    return await run.result
  } catch (error) {
    throw diskError(error, target.directory)
  } finally {
    await blob.close()
  }
}

/** Sends the blob's next chunk each time that it is called. */
function feeder(blob: BlobReader, run: Run<Uint8Array, ApplyResult>, fail: (error: unknown) => void): () => void {
  let offset = 0
  let sending: Promise<void> = Promise.resolve()
  async function sendNext(): Promise<void> {
    if (offset >= blob.size) {
      run.end()
      return
    }
    const chunk = await blob.read(offset, CHUNK_BYTES)
    offset += chunk.length
    run.send(chunk)
  }
  return () => {
    sending = sending.then(sendNext).catch(fail)
  }
}
