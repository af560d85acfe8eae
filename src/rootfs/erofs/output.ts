/** Pieces are handed out once they are as large. */
const pieceBytes = 2 ** 19

/** Bytes on their way out: written at the end, handed out in large pieces. */
export class Output {
  #bytes = new Uint8Array(pieceBytes)
  #view = new DataView(this.#bytes.buffer)
  #length = 0
  #before = 0
  /** Bytes of the piece that was taken last, to be zeros again. */
  #used = 0

  /** Bytes so far, those handed out included. */
  get position(): number {
    return this.#before + this.#length
  }

  get isFull(): boolean {
    return this.#length >= pieceBytes
  }

  /** Where to write what was last made room for. Another one after each `extend`. */
  get view(): DataView {
    return this.#view
  }

  /** Makes room for `count` bytes, zeros so far: begins at the answer in `view`. */
  extend(count: number): number {
    if (this.#used > 0) this.#bytes.fill(0, 0, this.#used)
    this.#used = 0
    const at = this.#length
    this.#length += count
    if (this.#length > this.#bytes.length) this.#grow()
    return at
  }

  push(bytes: Uint8Array): void {
    const at = this.extend(bytes.length)
    this.#bytes.set(bytes, at)
  }

  /** Zeros up to a position. */
  fillTo(position: number): void {
    this.extend(position - this.position)
  }

  /** What has been gathered; valid until the next byte is written. */
  take(): Uint8Array {
    const piece = this.#bytes.subarray(0, this.#length)
    this.#before += this.#length
    this.#used = this.#length
    this.#length = 0
    return piece
  }

  #grow(): void {
    const grown = new Uint8Array(this.#length * 2)
    grown.set(this.#bytes)
    this.#bytes = grown
    this.#view = new DataView(grown.buffer)
  }
}
