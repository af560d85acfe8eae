/** What a header means, with PAX and GNU extensions applied. Names are bytes as in the archive, not yet cleaned. */
export interface TarEntry {
  readonly type: EntryType
  readonly path: Buffer
  /** Target of a symlink or hardlink, verbatim; empty for others. */
  readonly link: Buffer
  /** Permission bits, 07777 at most. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Modification time, clamped to −2³¹…2³⁴−2³¹−1 seconds. */
  readonly seconds: number
  readonly nanoseconds: number
  /** Bytes of the file as it is to be read: a sparse file's logical size. 0 for other types. */
  readonly size: number
  readonly major: number
  readonly minor: number
  /**
   * Kept attributes by name, its bytes as a latin1 string (`security.capability`, `user.*`, …): what must not reach a root
   * file system is gone.
   */
  readonly xattrs: ReadonlyMap<string, Buffer>
  /** Where the data lies: byte ranges of the tar and where in the file each goes. One segment unless sparse. */
  readonly segments: readonly Segment[]
}

export type EntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo'

export interface Segment {
  /** Offset in the uncompressed tar. */
  readonly tarOffset: number
  readonly fileOffset: number
  readonly length: number
}

/**
 * Takes what the reader finds, synchronously and in the archive's order: `entry`, its `data` in order, then `done`.
 *
 * A sink that throws ends the reading; its error reaches whoever pushed.
 */
export interface TarSink {
  entry(entry: TarEntry): void
  /** File bytes at `fileOffset`. `bytes` is a view that is valid during the call only. */
  data(bytes: Uint8Array, fileOffset: number): void
  /** The entry's data is complete. Called for every entry. */
  done(): void
}
