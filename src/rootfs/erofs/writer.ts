import { kind, type LayerIndex } from '../../layer/layer-index.ts'
import type { InodeCursor, Tree } from '../../layer/tree.ts'
import { type Chunk, type ChunkPlan, chunkIndexBytes, chunksOf } from './chunks.ts'
import { writeBlock } from './dirent.ts'
import { address, type Image } from './image.ts'
import { deviceNumber, layouts, writeInode } from './inode.ts'
import { alignUp, layOut } from './layout.ts'
import { Output } from './output.ts'
import type { Shape } from './shape.ts'
import { type DeviceSlot, packSuperblock, superblockOffset } from './superblock.ts'

/** Tars are made of blocks of 512 bytes, and so is an image that points into them. */
const tarBlockBits = 9
/** Of an image that stands alone: what every kernel mounts and every disk has. */
const pageBits = 12
/** The block address of a hole. */
const holeBlock = 0xffff_ffff
/** Of a tar, at a time. */
const copyBytes = 2 ** 18
const noUuid = new Uint8Array(16)

export interface ErofsOptions {
  /** What to call each layer's tar, in ≤64 bytes: the hex digits of its diff ID. */
  readonly tags: readonly string[]
  /** 16 bytes. Default: zeros. */
  readonly uuid?: Uint8Array
  /**
   * Copy the data of all files into the image, in blocks of 4 KiB: then it needs no devices. Default: it points at
   * blocks of the tars.
   */
  readonly selfContained?: boolean
  /** Bytes of a layer's tar: of an image with devices, only what the kernel can't read in place: oddly cut sparse files. */
  readonly readTar: (layer: number, offset: number, length: number) => Uint8Array
}

/**
 * Writes a tree as an EROFS image. The data of its files stays in the layers' tars: device N of the mount is the tar of
 * layer N − 1, whether anything of it is left or not. Or the image is self-contained.
 *
 * The same tree, tags and uuid give the same bytes.
 *
 * Shape:  pieces of 512 KiB and more, but for the last, each valid until the next is asked for.
 * Errors: LIMIT_EXCEEDED, and what `readTar` throws.
 * Source: Linux, Documentation/filesystems/erofs.rst, fs/erofs/erofs_fs.h.
 */
export function* writeErofs(tree: Tree, options: ErofsOptions): Generator<Uint8Array> {
  const { selfContained = false } = options
  const image = address(layOut(tree, { blockBits: selfContained ? pageBits : tarBlockBits, selfContained }))
  const { shape, blocks } = image
  const out = new Output()
  writeHead(out, image, options)
  for (let inode = 0; inode < tree.nodes.length; inode++) {
    writeRecord(out, image, shape.at(inode), options)
    if (out.isFull) yield out.take()
  }
  out.fillTo(image.dataStart)
  for (let inode = 0; inode < tree.nodes.length; inode++) {
    if (blocks[inode] === blocks[inode + 1]) continue
    shape.at(inode)
    if (shape.chunks !== undefined) yield* copyChunks(out, image, shape.chunks, options)
    else if (shape.inode.type === 'file') yield* copyFile(out, shape, options)
    else writeBlocks(out, image, shape)
    out.fillTo(alignUp(out.position, image.blockBytes))
    if (out.isFull) yield out.take()
  }
  yield out.take()
}

/** All that comes before the inodes. */
function writeHead(out: Output, image: Image, { tags, uuid = noUuid }: ErofsOptions): void {
  const { tree, blockBits, blockBytes, selfContained, time } = image
  const deviceOf = (layer: LayerIndex, i: number): DeviceSlot => ({
    tag: tags[i] ?? '',
    blocks: usedBlocks(layer, blockBytes),
  })
  const superblock = packSuperblock({
    blockBits,
    rootNid: image.nid(tree.inodes[0] ?? 0),
    inodes: tree.nodes.length,
    ...time,
    blocks: image.totalBlocks,
    metaBlock: image.metaStart / blockBytes,
    xattrBlock: image.xattrStart / blockBytes,
    uuid,
    devices: selfContained ? [] : tree.layers.map(deviceOf),
  })
  out.fillTo(superblockOffset)
  out.push(superblock)
  out.fillTo(image.xattrStart)
  out.push(image.xattrs.shared)
  out.fillTo(image.metaStart)
}

/** Blocks of a layer's tar, as far as files reach; each file is padded to whole ones. */
function usedBlocks(layer: LayerIndex, blockBytes: number): number {
  let end = 0
  for (let row = 0; row < layer.kind.length; row++) {
    if (layer.kind[row] === kind.file) end = Math.max(end, (layer.data[row] ?? 0) + (layer.size[row] ?? 0))
  }
  for (const [i, at] of layer.segmentTar.entries()) end = Math.max(end, at + (layer.segmentLength[i] ?? 0))
  return Math.ceil(end / blockBytes)
}

/** An inode, its attributes, and what stands beside it. */
function writeRecord(out: Output, image: Image, shape: Shape, { readTar }: ErofsOptions): void {
  const { inode, extended, xattrs, size, head, tail, chunks } = shape
  const start = image.metaStart + image.slot(inode.inode)
  out.fillTo(start)
  const layout = chunks !== undefined ? layouts.chunks : tail > 0 ? layouts.inline : layouts.plain
  const at = out.extend(head - xattrs.length)
  writeInode(out.view, at, inode, { extended, layout, size, xattrs, payload: payloadOf(image, shape) })
  out.push(xattrs)
  if (chunks !== undefined) {
    out.fillTo(start + shape.chunkIndex)
    writeChunkIndex(out, image, inode, chunks)
  } else if (tail > 0 && inode.tarOffset !== undefined) {
    out.push(readTar(inode.layer, inode.tarOffset + size - tail, tail))
  } else if (tail > 0) {
    writeTail(out, image, shape)
  }
}

function payloadOf(image: Image, { inode, chunks, blocks }: Shape): number {
  switch (inode.type) {
    case 'file':
    case 'directory':
    case 'symlink':
      if (chunks !== undefined) return chunks.bits | chunkIndexes
      return blocks === 0 ? 0 : image.block(inode.inode)
    case 'character':
    case 'block':
      return deviceNumber(inode)
    case 'fifo':
      return 0
  }
}

/** Chunk format: entries of eight bytes, with a device each. */
const chunkIndexes = 0x20

/** Source: Linux, fs/erofs/erofs_fs.h: erofs_inode_chunk_index. */
function writeChunkIndex(out: Output, image: Image, inode: InodeCursor, plan: ChunkPlan): void {
  const { blockBytes } = image
  if (plan.count === 1 && plan.copied === 0 && inode.tarOffset !== undefined) {
    writeChunk(out, inode.layer + 1, inode.tarOffset / blockBytes)
    return
  }
  let copy = image.block(inode.inode)
  for (const chunk of chunksOf(plan, inode, image)) {
    if (chunk.kind === 'hole') {
      writeChunk(out, 0, holeBlock)
    } else if (chunk.kind === 'tar') {
      writeChunk(out, inode.layer + 1, chunk.offset / blockBytes)
    } else {
      writeChunk(out, 0, copy)
      copy += 2 ** plan.bits
    }
  }
}

function writeChunk(out: Output, device: number, block: number): void {
  const at = out.extend(chunkIndexBytes)
  out.view.setUint16(at + 2, device, true)
  out.view.setUint32(at + 4, block, true)
}

function writeTail(out: Output, image: Image, { inode, directory, size, tail }: Shape): void {
  const last = directory?.blocks.at(-1)
  if (directory === undefined || last === undefined) {
    out.push(inode.link.subarray(size - tail))
    return
  }
  const at = out.extend(tail)
  writeBlock(out.view, at, directory.listing, last, image)
}

/** The blocks of a directory or symlink; what doesn't fill one may stand beside the inode. */
function writeBlocks(out: Output, image: Image, { inode, directory, size, tail, blocks }: Shape): void {
  if (directory === undefined) {
    out.push(inode.link.subarray(0, size - tail))
    return
  }
  for (const block of directory.blocks.slice(0, blocks)) {
    const at = out.extend(image.blockBytes)
    writeBlock(out.view, at, directory.listing, block, image)
  }
}

/** The blocks of a file that has no holes. */
function* copyFile(out: Output, { inode, size, tail }: Shape, { readTar }: ErofsOptions): Generator<Uint8Array> {
  const { layer, tarOffset = 0 } = inode
  for (let at = 0; at < size - tail; at += copyBytes) {
    out.push(readTar(layer, tarOffset + at, Math.min(copyBytes, size - tail - at)))
    if (out.isFull) yield out.take()
  }
}

/** What isn't to be read in the tar, each chunk whole. */
function* copyChunks(out: Output, image: Image, plan: ChunkPlan, { readTar }: ErofsOptions): Generator<Uint8Array> {
  const { inode } = image.shape
  for (const chunk of chunksOf(plan, inode, image)) {
    if (chunk.kind !== 'copy') continue
    const begin = out.position
    for (const { offset, at, length } of piecesOf(chunk)) {
      yield* zeros(out, begin + at)
      out.push(readTar(inode.layer, offset, length))
      if (out.isFull) yield out.take()
    }
    yield* zeros(out, begin + chunk.end - chunk.start)
  }
}

/** What a copied chunk has of the tar: from which offset there, to which in the chunk. */
function* piecesOf({ start, end, segments }: Extract<Chunk, { kind: 'copy' }>) {
  for (const { tarOffset, fileOffset, length } of segments) {
    const stop = Math.min(end, fileOffset + length)
    for (let from = Math.max(start, fileOffset); from < stop; from += copyBytes) {
      yield { offset: tarOffset + from - fileOffset, at: from - start, length: Math.min(copyBytes, stop - from) }
    }
  }
}

function* zeros(out: Output, position: number): Generator<Uint8Array> {
  while (out.position < position) {
    out.fillTo(Math.min(position, out.position + copyBytes))
    if (out.isFull) yield out.take()
  }
}
