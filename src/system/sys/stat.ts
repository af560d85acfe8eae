import type { Stat } from './sys.ts'

/** Bytes of `struct statx`, and the mask of the basic fields (statx(2)): one layout on every architecture. */
export const STATX_BYTES = 256
export const STATX_BASIC_STATS = 0x7ff

export function readStatx(statx: Buffer): Stat {
  return {
    nlink: statx.readUInt32LE(16),
    uid: statx.readUInt32LE(20),
    gid: statx.readUInt32LE(24),
    mode: statx.readUInt16LE(28),
    ino: Number(statx.readBigUInt64LE(32)),
    size: Number(statx.readBigUInt64LE(40)),
    seconds: Number(statx.readBigInt64LE(112)),
    nanoseconds: statx.readUInt32LE(120),
    major: statx.readUInt32LE(128),
    minor: statx.readUInt32LE(132),
    // Only compared, never decoded.
    dev: statx.readUInt32LE(136) * 2 ** 32 + statx.readUInt32LE(140),
  }
}
