import { gzipSync } from 'node:zlib'
import { block, frame, skippable, storeZstd } from '../support/zstd.ts'
import type { Random } from './random.ts'

export interface AnyStream {
  readonly bytes: Buffer
  readonly isDamaged: boolean
}

/** Members of gzip that are right, with what may stand between them; most then lose a byte or gain one. */
export function anyGzip(random: Random): AnyStream {
  const parts = Array.from({ length: 1 + random.below(3) }, () => {
    const member = gzipSync(anyText(random), { level: random.pick([0, 1, 6, 9]) })
    return random.once(4) ? Buffer.concat([member, Buffer.alloc(random.pick([1, 2, 8, 600]))]) : member
  })
  return damaged(random, Buffer.concat(parts))
}

/**
 * Frames of zstd that are right, with skippable ones between them; most then lose a byte or gain one. `compressed` are
 * frames as zstd(1) writes them.
 */
export function anyZstd(random: Random, compressed: readonly [Buffer, ...Buffer[]]): AnyStream {
  const parts = Array.from({ length: 1 + random.below(3) }, () => {
    switch (random.below(5)) {
      case 0:
        return skippable('s'.repeat(random.below(20)), random.below(16))
      case 1:
        return storeZstd(anyText(random))
      case 2:
        return frame([
          block('x', { last: false, repeat: 1 + random.below(500) }),
          block(anyText(random).subarray(0, 900)),
        ])
      default:
        return random.pick(compressed)
    }
  })
  return damaged(random, Buffer.concat(parts))
}

function anyText(random: Random): Buffer {
  const word = random.pick(['davit ', 'a', 'layers and tars '])
  return random.once(3) ? random.bytes(random.below(300)) : Buffer.from(word.repeat(random.below(2000)))
}

function damaged(random: Random, bytes: Buffer): AnyStream {
  let changed = bytes
  for (let changes = random.below(4); changes > 0 && changed.length > 0; changes--) {
    // Headers and trailers matter more than the rest.
    const end = random.once(2) ? Math.min(24, changed.length) : changed.length
    const at = random.once(4) ? changed.length - 1 - random.below(Math.min(12, changed.length)) : random.below(end)
    const [before, after] = [changed.subarray(0, at), changed.subarray(at)]
    switch (random.below(5)) {
      case 0:
        changed = Buffer.from(before)
        break
      case 1:
        changed = Buffer.concat([before, random.bytes(1 + random.below(3)), after])
        break
      case 2:
        changed = Buffer.concat([before, after.subarray(1)])
        break
      default:
        changed = Buffer.concat([before, Buffer.from([(after[0] ?? 0) ^ (1 << random.below(8))]), after.subarray(1)])
    }
  }
  return { bytes: changed, isDamaged: changed !== bytes }
}
