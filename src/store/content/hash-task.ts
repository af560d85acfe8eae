import { closeSync, constants, openSync, readSync } from 'node:fs'
import { setImmediate as giveWay } from 'node:timers/promises'
import type { Digest } from '../../spec/digest.ts'
import type { Channel, Task } from '../../system/workers.ts'
import type { Verdict } from './store.ts'
import { openVerifier } from './verify.ts'

/** Large enough that calls cost nothing, small enough to stay in a core's cache between the read and the hash. */
const PIECE_BYTES = 1 << 20
/** Pieces between two reports: other tasks of the thread get their turn, and whoever gave up is heard. */
const PIECES_A_TURN = 16

export interface HashArgs {
  readonly path: string
  /** Says which algorithm. */
  readonly digest: Digest
}

/** Reads a file to its end and says what it is; sends how many bytes it has read since the last message. */
export const hashBlob: Task<HashArgs, never, number, Verdict> = { module: import.meta.url, name: hashBlobTask.name }

export async function hashBlobTask({ path, digest }: HashArgs, channel: Channel<never, number>): Promise<Verdict> {
  const verifier = openVerifier({ digest })
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES)
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    let unreported = 0
    for (let pieces = 1; ; pieces++) {
      const length = readSync(fd, buffer, 0, PIECE_BYTES, null)
      if (length === 0) break
      verifier.update(buffer.subarray(0, length))
      unreported += length
      if (pieces % PIECES_A_TURN !== 0) continue
      channel.send(unreported)
      unreported = 0
      await giveWay()
      channel.signal.throwIfAborted()
    }
    if (unreported > 0) channel.send(unreported)
    return verifier.verdict()
  } finally {
    closeSync(fd)
  }
}
