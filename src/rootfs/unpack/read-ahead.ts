import type { Tars } from '../tars.ts'

/** Read of a tar at a time: many small files with one system call. */
const windowBytes = 2 ** 20

/** Bytes of tars, asked for in their order. */
export class ReadAhead {
  readonly #tars: Tars
  readonly #window = Buffer.allocUnsafeSlow(windowBytes)
  #layer = -1
  #start = 0
  #end = 0

  constructor(tars: Tars) {
    this.#tars = tars
  }

  /** Some of the `length` bytes at `offset`, one at least; valid until the next call. */
  read(layer: number, offset: number, length: number): Uint8Array {
    if (layer !== this.#layer || offset < this.#start || offset >= this.#end) {
      this.#layer = layer
      this.#start = offset
      this.#end = offset + this.#tars.readSome(this.#window, layer, offset)
    }
    const from = offset - this.#start
    return this.#window.subarray(from, Math.min(from + length, this.#end - this.#start))
  }
}
