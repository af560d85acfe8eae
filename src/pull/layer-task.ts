import { readSync } from 'node:fs'
import { decompress } from '../layer/compression/decompress.ts'
import { IndexBuilder } from '../layer/index-builder.ts'
import { encodeIndex } from '../layer/index-format.ts'
import { type Allowance, LayerMeter } from '../layer/quota.ts'
import { TarReader } from '../layer/tar/reader.ts'
import type { HandedOver, Verdict, Want } from '../store/content/store.ts'
import { openVerifier, type Verifier } from '../store/content/verify.ts'
import { writeLayerIndex } from '../store/layer-indexes.ts'
import { Chunks } from '../system/chunks.ts'
import { alignedBuffer, DirectFile } from '../system/direct-file.ts'
import type { Channel, Task } from '../system/workers.ts'

export interface LayerArgs {
  /** The compressed blob: a partial file that what comes over the channel is added to, or one that is whole. */
  readonly blob: HandedOver & { readonly want: Want; readonly whole: boolean }
  /** The empty file that becomes the uncompressed tar. */
  readonly tar: HandedOver & { readonly want: Want }
  readonly indexPath: string
  readonly allowance: Allowance
}

/**
 * `want`: one more chunk, please. `consumed`: compressed bytes that are unpacked by now. `spent`: memory of a chunk, for
 * those to come.
 */
export type FromLayer = { readonly want: true } | { readonly consumed: number } | { readonly spent: ArrayBuffer }

export interface LayerVerdicts {
  readonly blob: Verdict
  readonly tar: Verdict
  readonly entries: number
}

/** Chunks asked for ahead: what may be in memory, a layer, on its way to the worker. */
const CHUNKS_AHEAD = 3
const REPORT_BYTES = 4 << 20

/**
 * One pass over a layer: its compressed bytes to disk and hashed, inflated, hashed again and to disk as a tar, and
 * indexed on the way. Publishes nothing: the verdicts are for the gate. The index is written when the tar is what it
 * should be.
 *
 * Errors: SIZE_MISMATCH at the first surplus byte; LIMIT_EXCEEDED at the first over a quota; those of the decompressor, the tar reader and the disk.
 */
export const storeLayer: Task<LayerArgs, Uint8Array, FromLayer, LayerVerdicts> = {
  module: import.meta.url,
  name: storeLayerTask.name,
}

export async function storeLayerTask(
  { blob, tar, indexPath, allowance }: LayerArgs,
  channel: Channel<Uint8Array, FromLayer>,
): Promise<LayerVerdicts> {
  const compressed = openVerifier(blob.want)
  const uncompressed = openVerifier(tar.want)
  const index = new IndexBuilder()
  const meter = new LayerMeter(allowance)
  const reader = new TarReader(meter.sink(index))
  const chunks = new Chunks({ allocate: alignedBuffer, giveBack: spent => channel.send({ spent }, [spent]) })
  const files = { blob: new DirectFile(blob, blob.offset), tar: new DirectFile(tar, 0) }
  const incoming = { ...blob, file: files.blob, verifier: compressed, channel, chunks }
  let written = Promise.resolve()
  try {
    for await (const piece of decompress(meter.compressed(compressedBytes(incoming)), chunks)) {
      channel.signal.throwIfAborted()
      meter.unpacked(piece.length)
      // Of the piece before: the disk has had the time that this one took to unpack.
      await written
      written = files.tar.write(piece).then(() => chunks.give(piece))
      written.catch(() => {})
      uncompressed.update(piece)
      reader.push(piece)
    }
    reader.end()
    await written
    await files.tar.end()
  } finally {
    // Whatever has come is there for the next run.
    await files.blob.end()
    await files.tar.close()
  }
  const verdicts = { blob: compressed.verdict(), tar: uncompressed.verdict(), entries: reader.entries }
  if (verdicts.tar.digest === tar.want.digest) writeLayerIndex(indexPath, encodeIndex(index.finish()))
  return verdicts
}

interface Incoming extends Pick<LayerArgs['blob'], 'fd' | 'offset' | 'whole'> {
  readonly file: DirectFile
  readonly verifier: Verifier
  readonly channel: Channel<Uint8Array, FromLayer>
  readonly chunks: Chunks
}

/** The blob from its beginning: what the file has, then what comes, which is added to it. */
async function* compressedBytes(incoming: Incoming): AsyncGenerator<Uint8Array> {
  const { fd, offset, whole, file, verifier, channel, chunks } = incoming
  let position = 0
  let reported = 0
  const report = () => {
    if (position - reported < REPORT_BYTES) return
    reported = position
    channel.send({ consumed: position })
  }
  while (position < offset) {
    const chunk = chunks.take()
    const length = readSync(fd, chunk, 0, Math.min(chunk.length, offset - position), position)
    if (length === 0) throw new Error(`Blob ended at ${position} of ${offset} bytes while it was held`)
    const bytes = chunk.subarray(0, length)
    verifier.update(bytes)
    position += length
    yield bytes
    report()
  }
  for (let asked = 0; asked < CHUNKS_AHEAD && !whole; asked++) channel.send({ want: true })
  for (let chunk = whole ? undefined : await channel.next(); chunk !== undefined; chunk = await channel.next()) {
    verifier.update(chunk)
    await file.write(chunk)
    position += chunk.length
    channel.send({ want: true })
    yield chunk
    report()
  }
}
