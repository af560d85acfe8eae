import { crc32c } from './crc32c.ts'

/** What lies before it is for boot loaders. */
export const superblockOffset = 1024
const superblockBytes = 128
export const deviceSlotBytes = 128
/** The device table follows the superblock. */
export const deviceTableOffset = superblockOffset + superblockBytes

const magic = 0xe0f5_e1e2
const compatChecksum = 1
/** Extended inodes carry a modification time. */
const compatMtime = 2
const incompatChunks = 4
const incompatDevices = 8

export interface Superblock {
  /** Log₂ of the block size in bytes. */
  readonly blockBits: number
  readonly rootNid: number
  readonly inodes: number
  /** What compact inodes have for a time. */
  readonly seconds: number
  readonly nanoseconds: number
  /** Of this file. */
  readonly blocks: number
  readonly metaBlock: number
  readonly xattrBlock: number
  /** 16 bytes. */
  readonly uuid: Uint8Array
  readonly devices: readonly DeviceSlot[]
}

export interface DeviceSlot {
  /** Says what the device is, in up to 64 bytes: the hex digits of its digest. */
  readonly tag: string
  readonly blocks: number
}

/**
 * Superblock and device table, to be put at {@link superblockOffset}; padded to a whole block, for the checksum covers one.
 *
 * Source: Linux, fs/erofs/erofs_fs.h.
 */
export function packSuperblock(sb: Superblock): Uint8Array {
  const blockBytes = 2 ** sb.blockBits
  const used = superblockBytes + sb.devices.length * deviceSlotBytes
  // Blocks are counted from the file's beginning: a large first one ends sooner after the superblock.
  const checked = blockBytes > superblockOffset ? blockBytes - superblockOffset : blockBytes
  const bytes = Buffer.alloc(Math.max(used, checked))
  bytes.writeUInt32LE(magic, 0)
  bytes.writeUInt32LE(compatChecksum | compatMtime, 8)
  bytes.writeUInt8(sb.blockBits, 12)
  bytes.writeUInt16LE(sb.rootNid, 14)
  bytes.writeBigUInt64LE(BigInt(sb.inodes), 16)
  bytes.writeBigInt64LE(BigInt(sb.seconds), 24)
  bytes.writeUInt32LE(sb.nanoseconds, 32)
  bytes.writeUInt32LE(sb.blocks, 36)
  bytes.writeUInt32LE(sb.metaBlock, 40)
  bytes.writeUInt32LE(sb.xattrBlock, 44)
  bytes.set(sb.uuid, 48)
  bytes.writeUInt32LE(sb.devices.length > 0 ? incompatChunks | incompatDevices : incompatChunks, 80)
  bytes.writeUInt16LE(sb.devices.length, 86)
  bytes.writeUInt16LE(deviceTableOffset / deviceSlotBytes, 88)
  for (const [i, { tag, blocks }] of sb.devices.entries()) {
    const at = superblockBytes + i * deviceSlotBytes
    bytes.write(tag, at, 64, 'latin1')
    bytes.writeUInt32LE(blocks, at + 64)
  }
  bytes.writeUInt32LE(crc32c(bytes.subarray(0, checked)), 4)
  return bytes
}
