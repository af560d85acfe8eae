import { ImageError } from '../errors.ts'
import { cleanPath } from './path.ts'
import type { TarEntry, TarSink } from './tar/entry.ts'

/** How much an image may come to, whatever it says of itself. No real one meets the defaults. */
export interface Quotas {
  /** Bytes of one layer's tar; and of its files as they read, holes and all. */
  readonly layerBytes: number
  /** The same of all layers that one pull unpacks. */
  readonly imageBytes: number
  readonly layerEntries: number
  readonly imageEntries: number
  /** Unpacked bytes for each compressed one, once a layer has a GiB: less may be a file of zeros. */
  readonly ratio: number
  /** Names in a path; 1,024 is the most that can be had. */
  readonly depth: number
}

export const defaultQuotas: Quotas = {
  // Registries take layers of 10 to 50 GB, compressed.
  layerBytes: 2 ** 38,
  imageBytes: 2 ** 39,
  // The largest images have a million files.
  layerEntries: 2 ** 22,
  imageEntries: 2 ** 23,
  // gzip makes 1,030 of zeros only; real layers come to 2 to 20.
  ratio: 1000,
  depth: 1024,
}

const ratioFromBytes = 2 ** 30

export interface Amount {
  /** Of tars. */
  readonly bytes: number
  readonly entries: number
}

/** What one layer may have: the quotas, and what the image's other layers have used up. */
export interface Allowance {
  readonly quotas: Quotas
  readonly used: Amount
}

/** Counts the layers of one image, for those that are still to come. */
export class ImageMeter {
  readonly #quotas: Quotas
  #bytes = 0
  #entries = 0

  constructor(quotas: Partial<Quotas> = {}) {
    this.#quotas = { ...defaultQuotas, ...quotas }
  }

  /** For the next layer. Of several that are unpacked at a time, none knows of the others: `add` does. */
  allowance(): Allowance {
    return { quotas: this.#quotas, used: { bytes: this.#bytes, entries: this.#entries } }
  }

  /** Errors: LIMIT_EXCEEDED. */
  add({ bytes, entries }: Amount): void {
    this.#bytes += bytes
    this.#entries += entries
    const { imageBytes, imageEntries } = this.#quotas
    check('image-bytes', imageBytes, this.#bytes)
    check('image-entries', imageEntries, this.#entries)
  }
}

/**
 * Counts one layer while it streams by.
 *
 * Errors: LIMIT_EXCEEDED, of every method, at the first byte or entry too many.
 */
export class LayerMeter {
  readonly #quotas: Quotas
  readonly #used: Amount
  #compressed = 0
  #unpacked = 0
  /** Bytes of files as they read. */
  #logical = 0
  #entries = 0

  /** Without an allowance, the image has nothing but this layer, and the default quotas. */
  constructor({ quotas, used }: Allowance = new ImageMeter().allowance()) {
    this.#quotas = quotas
    this.#used = used
  }

  /** Passes `source` on, the layer as it is stored. */
  async *compressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#compressed += chunk.length
      yield chunk
    }
  }

  unpacked(bytes: number): void {
    this.#unpacked += bytes
    this.#checkBytes(this.#unpacked)
    if (this.#unpacked <= ratioFromBytes) return
    check('ratio', this.#quotas.ratio, Math.ceil(this.#unpacked / this.#compressed))
  }

  /** Of a layer that nobody has compressed. */
  stored(bytes: number): void {
    this.#compressed += bytes
    this.unpacked(bytes)
  }

  /** Passes entries on to `sink`. */
  sink(sink: TarSink): TarSink {
    return {
      entry: entry => {
        this.#entry(entry)
        sink.entry(entry)
      },
      data: (bytes, fileOffset) => sink.data(bytes, fileOffset),
      done: () => sink.done(),
    }
  }

  #entry({ path, size }: TarEntry): void {
    const { layerEntries, imageEntries, depth } = this.#quotas
    this.#entries++
    check('layer-entries', layerEntries, this.#entries)
    check('image-entries', imageEntries, this.#used.entries + this.#entries)
    this.#logical += size
    this.#checkBytes(this.#logical)
    // The default is what paths are held to anyway.
    if (depth < defaultQuotas.depth) check('depth', depth, cleanPath(path).length)
  }

  #checkBytes(bytes: number): void {
    check('layer-bytes', this.#quotas.layerBytes, bytes)
    check('image-bytes', this.#quotas.imageBytes, this.#used.bytes + bytes)
  }
}

function check(limit: string, max: number, actual: number): void {
  if (actual <= max) return
  throw new ImageError(
    'LIMIT_EXCEEDED',
    `Cannot accept the layer: ${limit} ${actual} is over its quota, ${max}`,
    { limit, max, actual },
    { hint: `--quota ${limit}=NUMBER allows more, if the image is to be trusted` },
  )
}
