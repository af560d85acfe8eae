/**
 * A decompressor of a system library. Works beside the thread: while a step runs, nobody may touch its buffers.
 */
export interface Decoder {
  /**
   * Decodes what it can of `input` into `output`. Neither may be empty.
   *
   * Errors: `Error`: the input is corrupt.
   */
  step(input: Uint8Array, output: Uint8Array): Promise<Step>
  /** Makes ready for another stream, after one has ended. */
  reset(): void
  /** Frees what the library holds. */
  close(): void
}

export interface Step {
  /** Bytes of `input` that are used up. */
  readonly read: number
  readonly written: number
  /** The stream has ended: its checksum held. What of `input` is left follows it. */
  readonly ended: boolean
}

/** Calls a foreign function beside the thread. What is above 2⁵³, as libraries' errors are, comes as a bigint. */
export function beside(
  call: { async(...words: unknown[]): void },
  ...words: readonly unknown[]
): Promise<number | bigint> {
  return new Promise((resolve, reject) => {
    call.async(...words, (error: unknown, result: number | bigint) => {
      if (error) reject(error)
      else resolve(result)
    })
  })
}
