import type { Fetcher } from '../../registry/registry.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import type { Reference } from '../../spec/reference.ts'

/** Images that are somewhere, and what they consist of. */
export interface Images {
  /** In its own order; several under one name are one index, which is made here. */
  readonly images: readonly SourceImage[]
  /** Of all that the images lead to. NOT_FOUND for what the source names and doesn't hold. */
  readonly fetcher: Fetcher
}

/**
 * Images in a directory or a file: an OCI layout, an archive of one, an archive for Docker, a tar of files.
 *
 * What it says of itself has passed its schemas and limits when it is open; that blobs are what their digests say is for
 * whoever takes them to judge. Names in it are looked up in its own list, never on this machine. Whoever opened it closes it.
 */
export interface ImageSource extends Images {
  close(): void
}

export interface SourceImage {
  /** A manifest, or an index. */
  readonly descriptor: Descriptor
  /** The whole name that the source gives it. */
  readonly reference: Reference | undefined
  /** The tag alone that it gives it, or a name that is no reference. */
  readonly tag: string | undefined
}
