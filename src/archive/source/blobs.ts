import { ImageError } from '../../errors.ts'
import { embedded } from '../../registry/fetch.ts'
import type { Fetcher } from '../../registry/registry.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import { type Digest, digestOf } from '../../spec/digest.ts'
import { downloadRange, type FileRange } from './file-range.ts'

/** Documents that a source lacks and that are made for it, by digest. */
export class MadeDocuments {
  readonly #bytes = new Map<Digest, Uint8Array>()

  /** The bytes of a document, or its value: the same gives the same bytes. */
  add(mediaType: string, document: object): Descriptor {
    const data = document instanceof Uint8Array ? document : Buffer.from(JSON.stringify(document))
    const digest = digestOf(data)
    this.#bytes.set(digest, data)
    return { mediaType, digest, size: data.length }
  }

  get(digest: Digest): Uint8Array | undefined {
    return this.#bytes.get(digest)
  }
}

/**
 * A fetcher over files. `open`: the file of a blob; undefined where there is none.
 *
 * Errors of fetching: NOT_FOUND; SIZE_MISMATCH: the file is not as long as the descriptor says.
 */
export function fetchFrom(
  path: string,
  made: MadeDocuments,
  open: (digest: Digest) => Promise<FileRange | undefined>,
): Fetcher {
  return {
    async fetch(descriptor, options = {}) {
      const { digest, size } = descriptor
      const data = made.get(digest) ?? descriptor.data
      const own = embedded(undefined, { ...descriptor, ...(data === undefined ? {} : { data }) }, options)
      if (own !== undefined) return own
      const range = await open(digest)
      if (range === undefined) throw notThere(path, digest)
      if (range.size === size) return downloadRange(range, options)
      range.close()
      const details = { expected: size, actual: range.size }
      throw new ImageError('SIZE_MISMATCH', `Cannot accept ${digest}: ${path} has ${range.size} bytes of it`, details)
    },
  }
}

function notThere(path: string, digest: Digest): ImageError {
  const hint = 'it was written without this platform, or without this layer'
  const details = { what: 'blob', name: digest }
  return new ImageError('NOT_FOUND', `Cannot fetch ${digest}: it is not in ${path}`, details, { hint })
}
