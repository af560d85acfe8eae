import { ImageError } from '../../errors.ts'
import { InodeCursor, type Tree } from '../../layer/tree.ts'
import { chunkIndexBytes, type Geometry } from './chunks.ts'
import { slotBytes, type Time } from './inode.ts'
import { Shape } from './shape.ts'
import { layOutXattrs, type XattrArea } from './xattr.ts'

/**
 * Of copies and chunk indexes together, but for data that has to be copied anyway: a sparse file may claim terabytes in a
 * few bytes of tar.
 */
const maxScatteredBytes = 2 ** 30
/** Block addresses have 32 bits, and the highest means a hole. */
const maxBlocks = 2 ** 32 - 1

/** Where everything goes: what has to be known before the first byte is written. */
export interface Layout extends Geometry {
  readonly tree: Tree
  /** What compact inodes have: the time of most. */
  readonly time: Time
  readonly xattrs: XattrArea
  readonly shape: Shape
  /** Slot of each inode in the metadata. */
  readonly nids: Uint32Array
  /** First block of each inode's data, counted from the first of all; one more at the end. */
  readonly blocks: Uint32Array
  readonly metaBytes: number
}

export function layOut(tree: Tree, geometry: Geometry): Layout {
  const blockBytes = 2 ** geometry.blockBits
  const count = tree.nodes.length
  const [nids, blocks] = [new Uint32Array(count), new Uint32Array(count + 1)]
  const [time, xattrs] = [commonTime(tree), layOutXattrs(tree)]
  const shape = new Shape(tree, geometry, time, xattrs)
  // Nid 0 stays free: to some readers it is no inode.
  let metaBytes = slotBytes
  let dataBlocks = 0
  let scattered = 0
  for (let inode = 0; inode < count; inode++) {
    const at = place(metaBytes, shape.at(inode), blockBytes)
    nids[inode] = at / slotBytes
    blocks[inode] = dataBlocks
    metaBytes = at + shape.record
    dataBlocks += shape.blocks
    if (shape.chunks !== undefined) {
      scattered += (shape.chunks.count - 1) * chunkIndexBytes + shape.blocks * blockBytes
      if (geometry.selfContained) scattered -= dataBytes(shape.inode)
    }
    if (scattered > maxScatteredBytes) throw tooMuch('bytes for scattered files', maxScatteredBytes)
  }
  if (metaBytes / blockBytes + dataBlocks > maxBlocks) throw tooMuch('blocks', maxBlocks)
  blocks[count] = dataBlocks
  return { ...geometry, tree, time, xattrs, shape, nids, blocks, metaBytes }
}

/** The next slot; with a tail, all in one block: kernels want a tail undivided, and old ones a symlink's inode too. */
function place(from: number, { head, tail }: Shape, blockBytes: number): number {
  const at = alignUp(from, slotBytes)
  return tail > 0 && (at % blockBytes) + head + tail > blockBytes ? alignUp(at, blockBytes) : at
}

/** Bytes that the tar has of a file. */
function dataBytes({ segments }: InodeCursor): number {
  return segments.reduce((sum, { length }) => sum + length, 0)
}

export function alignUp(value: number, to: number): number {
  return Math.ceil(value / to) * to
}

/** The time that more than half of the inodes have, if there is one (Boyer and Moore's vote). */
function commonTime(tree: Tree): Time {
  const inode = new InodeCursor(tree)
  let [seconds, nanoseconds, votes] = [0, 0, 0]
  for (let number = 0; number < tree.nodes.length; number++) {
    inode.at(number)
    if (votes === 0) {
      seconds = inode.seconds
      nanoseconds = inode.nanoseconds
    }
    votes += inode.seconds === seconds && inode.nanoseconds === nanoseconds ? 1 : -1
  }
  return { seconds, nanoseconds }
}

function tooMuch(limit: string, max: number): ImageError<'LIMIT_EXCEEDED'> {
  return new ImageError('LIMIT_EXCEEDED', `Cannot write the EROFS image: more ${limit} than ${max}`, { limit, max })
}
