import { decompress } from '../../layer/compression/decompress.ts'
import { type Allowance, LayerMeter } from '../../layer/quota.ts'
import { TarReader } from '../../layer/tar/reader.ts'
import { type Digest, digestFrom, newHash } from '../../spec/digest.ts'
import { Chunks } from '../../system/chunks.ts'
import { openSys } from '../../system/sys/linux.ts'
import type { Channel, Task } from '../../system/workers.ts'
import { Extractor } from './extractor.ts'
import { noOpenat2, tellLosses } from './losses.ts'
import { readChannel, readFile } from './source.ts'
import type { Target } from './target.ts'

export interface ApplyArgs {
  /** File of the blob; undefined: its bytes come as messages, one for each `want`. */
  readonly path: string | undefined
  readonly target: Target
  readonly allowance?: Allowance | undefined
  /** Refuse what would be lost, instead of telling of it. */
  readonly strict?: boolean
}

export type FromApply = { readonly consumed: number } | { readonly warning: string } | { readonly want: true }

export interface ApplyResult {
  readonly diffId: Digest
  readonly size: number
  readonly entries: number
  readonly leftOut: readonly string[]
}

const reportIntervalMs = 200

/** A blob to entries in a directory. */
export const applyLayer: Task<ApplyArgs, Uint8Array, FromApply, ApplyResult> = {
  module: import.meta.url,
  name: applyLayerTask.name,
}

export async function applyLayerTask(
  { path, target, allowance, strict = false }: ApplyArgs,
  channel: Channel<Uint8Array, FromApply>,
): Promise<ApplyResult> {
  const sys = openSys()
  const warn = tellLosses(strict, warning => channel.send({ warning }))
  if (!sys.hasOpenat2()) warn(noOpenat2)
  const extractor = new Extractor(sys, target, warn)
  try {
    const meter = new LayerMeter(allowance)
    const reader = new TarReader(meter.sink(extractor))
    const hash = newHash()
    const chunks = new Chunks()
    const source = path === undefined ? readChannel(channel) : readFile(path, chunks)
    for await (const piece of decompress(meter.compressed(counted(source, channel)), chunks)) {
      channel.signal.throwIfAborted()
      meter.unpacked(piece.length)
      hash.update(piece)
      reader.push(piece)
      chunks.give(piece)
    }
    reader.end()
    extractor.finish()
    const leftOut = extractor.leftOut()
    return { diffId: digestFrom(hash), size: reader.offset, entries: reader.entries, leftOut }
  } finally {
    extractor.close()
  }
}

/** Reports how far `source` has been read. */
async function* counted(
  source: AsyncIterable<Uint8Array>,
  channel: Channel<Uint8Array, FromApply>,
): AsyncGenerator<Uint8Array> {
  let consumed = 0
  let reported = Date.now()
  for await (const chunk of source) {
    yield chunk
    consumed += chunk.length
    if (Date.now() - reported < reportIntervalMs) continue
    reported = Date.now()
    channel.send({ consumed })
  }
  channel.send({ consumed })
}
