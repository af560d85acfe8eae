/**
 * What a layer says about files, without their data: its tar's entries as columns of numbers.
 *
 * A row is an entry or a mark, in the archive's order.
 * Paths are cleaned and shared: `nodeParents`, `nameEnds` and `names` are a tree of names whose root is node 0 and in
 * which a child comes after its parent. Other bytes (symlink targets) lie in `texts`.
 *
 * The list is also the stored form: see `encodeIndex`. A change to it needs a new version there.
 */
export const indexColumns = {
  nodeParents: Uint32Array,
  nameEnds: Uint32Array,
  names: Uint8Array,

  /** Where the entry stands; of a mark, what it is about. */
  node: Uint32Array,
  /** A number of `kind`. */
  kind: Uint8Array,
  /** Permission bits, 07777 at most. */
  mode: Uint16Array,
  uid: Uint32Array,
  gid: Uint32Array,
  seconds: Float64Array,
  nanoseconds: Uint32Array,
  /** Bytes of a file as it is to be read, or of a symlink's target; else 0. */
  size: Float64Array,
  /**
   * By kind: file: offset of its data in the tar · scattered: its number in `scatteredEnds` · symlink: offset in
   * `texts` · hardlink: node of its target · device: major × 2²⁰ + minor.
   */
  data: Float64Array,
  /** 0: no extended attributes; else a set: number in `xattrEnds` + 1. */
  xattrs: Uint32Array,

  texts: Uint8Array,
  /** Where each distinct set of extended attributes ends in `xattrBytes`; their form: see `packXattrs`. */
  xattrEnds: Uint32Array,
  xattrBytes: Uint8Array,

  /** Where the segments of each file that isn't in one piece end in the three columns below. */
  scatteredEnds: Uint32Array,
  segmentTar: Float64Array,
  segmentFile: Float64Array,
  segmentLength: Float64Array,
} as const

export type LayerIndex = {
  readonly [Name in keyof typeof indexColumns]: Values<(typeof indexColumns)[Name]>
}

type Values<Constructor> = Constructor extends Uint8ArrayConstructor
  ? Uint8Array
  : Constructor extends Uint16ArrayConstructor
    ? Uint16Array
    : Constructor extends Uint32ArrayConstructor
      ? Uint32Array
      : Float64Array

/**
 * The values of `kind`. `scattered`: a file whose data isn't one piece of the tar that begins at its first byte. The last
 * two are marks: of a name that lower layers no longer have, and of a directory whose content there is hidden.
 */
export const kind = {
  file: 0,
  directory: 1,
  symlink: 2,
  hardlink: 3,
  character: 4,
  block: 5,
  fifo: 6,
  scattered: 7,
  whiteout: 8,
  opaque: 9,
} as const

/** Minor numbers have 20 bits. */
export const minorRange = 2 ** 20
