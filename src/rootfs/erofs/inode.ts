import type { InodeCursor, InodeType } from '../../layer/tree.ts'

export const compactBytes = 32
export const extendedBytes = 64
/** Inodes begin at multiples of it, and are named by which: their nid. */
export const slotBytes = 32

/** How an inode's data is found. */
export const layouts = { plain: 0, inline: 2, chunks: 4 } as const

const typeBits: Readonly<Record<InodeType, number>> = {
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
}

/** What an inode's first bytes say beyond what the tree does. */
export interface InodeHead {
  readonly extended: boolean
  readonly layout: number
  /** Bytes of a file, a directory's entries, or a symlink's target. */
  readonly size: number
  /** The attributes that follow. */
  readonly xattrs: Uint8Array
  /** By type and layout: first block, device number, or format of the chunk index. */
  readonly payload: number
}

export interface Time {
  readonly seconds: number
  readonly nanoseconds: number
}

/** True when it doesn't fit the short form, whose time is the superblock's. */
export function needsExtended(inode: InodeCursor, size: number, time: Time): boolean {
  if (inode.uid > 0xffff || inode.gid > 0xffff || inode.links > 0xffff || size > 0xffff_ffff) return true
  return inode.seconds !== time.seconds || inode.nanoseconds !== time.nanoseconds
}

/** Source: Linux, fs/erofs/erofs_fs.h: erofs_inode_compact, erofs_inode_extended. */
export function writeInode(to: DataView, at: number, inode: InodeCursor, head: InodeHead): void {
  const { extended, layout, size, xattrs, payload } = head
  to.setUint16(at, (extended ? 1 : 0) | (layout << 1), true)
  // The attributes' header of 12 bytes counts as one, the rest in words.
  to.setUint16(at + 2, xattrs.length === 0 ? 0 : 1 + (xattrs.length - 12) / 4, true)
  to.setUint16(at + 4, typeBits[inode.type] | inode.mode, true)
  to.setUint32(at + 16, payload, true)
  // What 32-bit programs get to see as the inode's number.
  to.setUint32(at + 20, inode.inode + 1, true)
  if (!extended) {
    to.setUint16(at + 6, inode.links, true)
    to.setUint32(at + 8, size, true)
    to.setUint16(at + 24, inode.uid, true)
    to.setUint16(at + 26, inode.gid, true)
    return
  }
  setWide(to, at + 8, size)
  to.setUint32(at + 24, inode.uid, true)
  to.setUint32(at + 28, inode.gid, true)
  setWide(to, at + 32, inode.seconds)
  to.setUint32(at + 40, inode.nanoseconds, true)
  to.setUint32(at + 44, inode.links, true)
}

/** A signed number of 64 bits, without the cost of a BigInt. */
function setWide(to: DataView, at: number, value: number): void {
  to.setUint32(at, value % 2 ** 32, true)
  to.setInt32(at + 4, Math.floor(value / 2 ** 32), true)
}

/** Linux's 32-bit device number (new_encode_dev). */
export function deviceNumber({ major, minor }: InodeCursor): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0
}
