import type { Chunks } from '../../system/chunks.ts'

/**
 * How a layer is packed. One constant a file, listed in `index.ts`.
 *
 * The bytes decide which one is used, the diff ID judges the result: media types are only hints.
 */
export interface Compression {
  readonly name: 'gzip' | 'zstd' | 'none'
  /** True when a stream that begins with `head` (≥6 bytes, unless the stream is shorter) is packed so. */
  detect(head: Uint8Array): boolean
  /**
   * Unpacks `source` to its end.
   *
   * Shape:  takes chunks of any length; gives large ones (512 KiB and more, but for the last); the receiver owns them, and
   *         may give them back to `chunks`.
   * Errors: MALFORMED: truncated, corrupt, or bytes after the end (NULs between and after gzip members are accepted).
   *         UNSUPPORTED: a zstd dictionary. LIMIT_EXCEEDED: a zstd window above 128 MiB. What `source` throws.
   */
  decompress(source: AsyncIterable<Uint8Array>, chunks?: Chunks): AsyncIterable<Uint8Array>
}
