import type { Compression } from './compression.ts'
import { gzip } from './gzip.ts'
import { none } from './none.ts'
import { zstd } from './zstd.ts'

/** In the order in which they are asked: the last takes what no other knows. */
const compressions: readonly Compression[] = [gzip, zstd, none]

/** How a stream that begins with `head` is packed. */
export function sniff(head: Uint8Array): Compression {
  return compressions.find(({ detect }) => detect(head)) ?? none
}
