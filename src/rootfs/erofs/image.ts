import { InodeCursor } from '../../layer/tree.ts'
import type { Nids } from './dirent.ts'
import { slotBytes } from './inode.ts'
import { alignUp, type Layout } from './layout.ts'
import { deviceSlotBytes, deviceTableOffset } from './superblock.ts'

/** A layout with addresses in the file: superblock, devices, shared attributes, inodes, blocks of data. */
export interface Image extends Layout, Nids {
  readonly blockBytes: number
  readonly xattrStart: number
  readonly metaStart: number
  readonly dataStart: number
  /** Offset of an inode in the metadata. */
  slot(inode: number): number
  /** First block of an inode's data. */
  block(inode: number): number
  readonly totalBlocks: number
}

const fileTypes = { file: 1, directory: 2, character: 3, block: 4, fifo: 5, symlink: 7 } as const

export function address(layout: Layout): Image {
  const { tree, blockBits, selfContained, nids, blocks } = layout
  const blockBytes = 2 ** blockBits
  const cursor = new InodeCursor(tree)
  const devices = selfContained ? 0 : tree.layers.length
  const xattrStart = alignUp(deviceTableOffset + devices * deviceSlotBytes, blockBytes)
  const metaStart = alignUp(xattrStart + layout.xattrs.shared.length, blockBytes)
  const dataStart = alignUp(metaStart + layout.metaBytes, blockBytes)
  const firstBlock = dataStart / blockBytes
  return {
    ...layout,
    blockBytes,
    xattrStart,
    metaStart,
    dataStart,
    totalBlocks: firstBlock + (blocks.at(-1) ?? 0),
    slot: inode => (nids[inode] ?? 0) * slotBytes,
    block: inode => firstBlock + (blocks[inode] ?? 0),
    nid: inode => nids[inode] ?? 0,
    fileType: inode => fileTypes[cursor.at(inode).type],
  }
}
