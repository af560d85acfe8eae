import type { Descriptor } from '../../spec/descriptor.ts'
import type { BlobReader, ContentStore } from '../../store/content/store.ts'
import { CHUNK_BYTES } from '../../system/chunks.ts'
import { diskError } from '../../system/disk-error.ts'
import type { Run, Workers } from '../../system/workers.ts'
import type { Applied, Applier, ApplyOptions } from '../applier.ts'
import type { Mount } from '../mounts.ts'
import { type ApplyResult, applyLayer } from './apply-task.ts'
import { targetOf } from './target.ts'

/** Applies layers to directories, in workers. */
export function openApplier({ workers }: { readonly workers: Workers }): Applier {
  return { apply: (store, layer, mounts, options) => apply(workers, store, layer, mounts, options) }
}

async function apply(
  workers: Workers,
  store: ContentStore,
  layer: Descriptor,
  mounts: readonly Mount[],
  { signal, onProgress, onWarning }: ApplyOptions = {},
): Promise<Applied> {
  const target = targetOf(mounts)
  const blob = await store.open(layer.digest)
  const failed = new AbortController()
  try {
    let feed: (() => void) | undefined
    const run = workers.run(
      applyLayer,
      { path: blob.path, target },
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
