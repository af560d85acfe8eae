type Values = Uint8Array | Uint16Array | Uint32Array | Float64Array

/** Memory that was never written to costs nothing; what is left behind by growing does. */
const growth = 4
const firstCapacity = 256

/** A typed array that grows at its end: a million numbers without a million objects. */
export class Column<A extends Values> {
  /** Longer than `length`; replaced as it grows, so never keep it across a `push`. */
  values: A
  length = 0
  readonly #type: new (
    length: number,
  ) => A

  /** `capacity`: how many are expected; what isn't used costs nothing. */
  constructor(type: new (length: number) => A, capacity = firstCapacity) {
    this.#type = type
    this.values = new type(capacity)
  }

  push(value: number): void {
    if (this.length === this.values.length) this.reserve(1)
    this.values[this.length++] = value
  }

  /** Makes room for `count` more. */
  reserve(count: number): void {
    const needed = this.length + count
    if (needed <= this.values.length) return
    const grown = new this.#type(Math.max(needed, this.values.length * growth))
    grown.set(this.values)
    this.values = grown
  }

  /** What was pushed, as a view. */
  view(): A {
    // A subarray of a typed array is of its own type.
    return this.values.subarray(0, this.length) as A
  }
}

/** Appends `bytes` from `start` to `end`; a loop, since names are too short for a native call to pay. */
export function pushBytes(column: Column<Uint8Array>, bytes: Uint8Array, start: number, end: number): void {
  column.reserve(end - start)
  const { values, length } = column
  for (let i = start; i < end; i++) values[length + i - start] = bytes[i] ?? 0
  column.length += end - start
}
