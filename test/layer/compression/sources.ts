import { hasCode } from '../../../src/errors.ts'
import type { Compression } from '../../../src/layer/compression/compression.ts'

/** Chunks as `cuts` divide `bytes`. */
export async function* cutAt(bytes: Uint8Array, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let start = 0
  for (const end of [...cuts, bytes.length]) {
    yield Uint8Array.from(bytes.subarray(start, end))
    start = end
  }
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/**
 * What comes of `packed`, whole, cut at every byte, and byte by byte: text or an error's code. One answer, unless the
 * cuts matter.
 */
export async function outcomes({ decompress }: Compression, packed: Uint8Array): Promise<string[]> {
  const cuts = [[], [...packed.keys()].slice(1), ...[...packed.keys()].slice(1).map(at => [at])]
  const found = new Set<string>()
  for (const cut of cuts) found.add(await outcome(decompress(cutAt(packed, cut))))
  return [...found]
}

async function outcome(source: AsyncIterable<Uint8Array>): Promise<string> {
  try {
    return (await collect(source)).toString('latin1')
  } catch (error) {
    for (const code of ['MALFORMED', 'UNSUPPORTED', 'LIMIT_EXCEEDED'] as const) if (hasCode(error, code)) return code
    throw error
  }
}
