import type { Segment } from '../../layer/tar/entry.ts'
import type { InodeCursor } from '../../layer/tree.ts'

/** A chunk is 2³¹ blocks at most. */
const maxChunkBits = 31
export const chunkIndexBytes = 8

/** How an image addresses the data of files. */
export interface Geometry {
  /** Log₂ of the block size in bytes. */
  readonly blockBits: number
  /** All data is copied into the image, instead of being pointed at in the tars. */
  readonly selfContained: boolean
}

/**
 * How a file is cut into chunks of one size, a power of two blocks. Each lies in one piece in the tar, is a hole, or
 * has to be copied into the image: because it is neither, or because it isn't at a block's beginning.
 */
export interface ChunkPlan {
  /** Log₂ of blocks a chunk. */
  readonly bits: number
  readonly count: number
  /** Chunks that are copied. */
  readonly copied: number
  /** Blocks that the copies take. */
  readonly blocks: number
}

/** Where a chunk's data is. `copy`: segments of the tar that it touches, and zeros between. */
export type Chunk =
  | { readonly kind: 'hole' }
  | { readonly kind: 'tar'; readonly offset: number }
  | { readonly kind: 'copy'; readonly start: number; readonly end: number; readonly segments: readonly Segment[] }

/** The plan that costs the image least: one chunk, for all files but scattered ones. The file isn't empty. */
export function planChunks(inode: InodeCursor, geometry: Geometry): ChunkPlan {
  const { size, tarOffset } = inode
  const { blockBits, selfContained } = geometry
  const blockBytes = 2 ** blockBits
  const most = bitsFor(Math.ceil(size / blockBytes))
  const isWhole = tarOffset !== undefined && tarOffset % blockBytes === 0
  if (isWhole && !selfContained && most < maxChunkBits) return oneChunk[most] ?? noPlan
  const { segments } = inode
  let best = planOf(most, size, segments, geometry)
  for (let bits = most - 1; bits >= 0 && best.copied > 0; bits--) {
    const plan = planOf(bits, size, segments, geometry)
    if (cost(plan, blockBytes) < cost(best, blockBytes)) best = plan
  }
  return best
}

const noPlan: ChunkPlan = { bits: 0, count: 1, copied: 0, blocks: 0 }
const oneChunk = Array.from({ length: maxChunkBits }, (_, bits): ChunkPlan => ({ ...noPlan, bits }))

/** Bits of the smallest chunk that holds so many blocks, if one can. */
function bitsFor(blocks: number): number {
  return blocks > 2 ** maxChunkBits ? maxChunkBits : 32 - Math.clz32(blocks - 1)
}

function planOf(bits: number, size: number, segments: readonly Segment[], geometry: Geometry): ChunkPlan {
  const { blockBits } = geometry
  const chunkBytes = 2 ** (bits + blockBits)
  const count = Math.ceil(size / chunkBytes)
  let copied = 0
  let last = -1
  const copy = (from: number, to: number) => {
    // Chunks are met in order, the last one perhaps again.
    const first = Math.max(from, last + 1)
    if (to < first) return
    copied += to - first + 1
    last = to
  }
  for (const segment of segments) {
    const { fileOffset, length } = segment
    const end = fileOffset + length
    const [first, final] = [Math.floor(fileOffset / chunkBytes), Math.floor((end - 1) / chunkBytes)]
    if (!isInPlace(segment, geometry)) {
      copy(first, final)
      continue
    }
    if (fileOffset % chunkBytes !== 0) copy(first, first)
    if (end % chunkBytes !== 0 && end !== size) copy(final, final)
  }
  const cutShort = last === count - 1 ? count * chunkBytes - size : 0
  return { bits, count, copied, blocks: Math.ceil((copied * chunkBytes - cutShort) / 2 ** blockBits) }
}

function cost({ count, blocks }: ChunkPlan, blockBytes: number): number {
  return count * chunkIndexBytes + blocks * blockBytes
}

/** True when the file's blocks are blocks of the tar, and may stay there. */
function isInPlace({ tarOffset, fileOffset }: Segment, { blockBits, selfContained }: Geometry): boolean {
  return !selfContained && (tarOffset - fileOffset) % 2 ** blockBits === 0
}

/** The chunks of a file, in order. */
export function* chunksOf({ bits, count }: ChunkPlan, inode: InodeCursor, geometry: Geometry): Generator<Chunk> {
  const { size, segments } = inode
  const chunkBytes = 2 ** (bits + geometry.blockBits)
  let next = 0
  for (let chunk = 0; chunk < count; chunk++) {
    const start = chunk * chunkBytes
    const end = Math.min(start + chunkBytes, size)
    while (next < segments.length && endOf(segments[next]) <= start) next++
    let after = next
    while (after < segments.length && (segments[after]?.fileOffset ?? 0) < end) after++
    yield chunkOf(start, end, segments.slice(next, after), geometry)
  }
}

function chunkOf(start: number, end: number, segments: readonly Segment[], geometry: Geometry): Chunk {
  const [first] = segments
  if (first === undefined) return { kind: 'hole' }
  if (first.fileOffset > start || endOf(first) < end || !isInPlace(first, geometry)) {
    return { kind: 'copy', start, end, segments }
  }
  return { kind: 'tar', offset: first.tarOffset + start - first.fileOffset }
}

function endOf(segment: Segment | undefined): number {
  return segment === undefined ? 0 : segment.fileOffset + segment.length
}
