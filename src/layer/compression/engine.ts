import type { Transform } from 'node:stream'
import { ImageError } from '../../errors.ts'
import type { Input } from './input.ts'

/** One of node:zlib's decoders. */
export interface Engine extends Transform {
  /** Bytes of input that the decoder has consumed. */
  readonly bytesWritten: number
}

/** Each piece of output is a job of the thread pool: with Node's 16 KiB, passing pieces on takes most of the time. */
const pieceBytes = 2 ** 20

/** What an engine must be made with: it works on the next piece while the receiver is at one. */
export const engineOptions = {
  chunkSize: pieceBytes,
  readableHighWaterMark: 2 * pieceBytes,
  writableHighWaterMark: pieceBytes / 2,
}

/**
 * Decodes `input` until it ends or the engine does; what the engine has not consumed is given back to `input`.
 *
 * Shape:  pieces of 1 MiB, but for the last; each has its memory to itself.
 * Errors: MALFORMED; what `input` throws.
 */
export async function* drive(what: string, engine: Engine, input: Input): AsyncGenerator<Uint8Array> {
  const feed = new Feed(engine, input)
  try {
    for (;;) {
      const piece: Uint8Array | null = engine.read(pieceBytes)
      if (piece !== null) yield piece
      else if (engine.readableEnded) break
      else await feed.turn(what)
    }
    await feed.giveBack()
  } finally {
    feed.stop()
    engine.destroy()
  }
}

/** Brings input to an engine whenever there is room for it. */
class Feed {
  readonly #engine: Engine
  readonly #input: Input
  /** The latest chunks; earlier ones are consumed. */
  readonly #chunks: Uint8Array[] = []
  #bytes = 0
  #filling: Promise<void> | undefined
  #stopped = false
  #engineError: Error | undefined
  #inputError: { readonly reason: unknown } | undefined
  #wake = (): void => {}

  constructor(engine: Engine, input: Input) {
    this.#engine = engine
    this.#input = input
    engine.on('readable', () => this.#wake())
    engine.on('end', () => this.#wake())
    engine.on('drain', () => this.#fill())
    engine.on('error', error => {
      this.#engineError = error
      this.#wake()
    })
    this.#fill()
  }

  /** Waits for output, or for the end. */
  async turn(what: string): Promise<void> {
    if (this.#inputError !== undefined) throw this.#inputError.reason
    if (this.#engineError !== undefined) throw decodeError(what, this.#engineError)
    await new Promise<void>(resolve => {
      this.#wake = resolve
    })
  }

  /** Returns to the input what the engine, having ended, left of it. */
  async giveBack(): Promise<void> {
    this.stop()
    await this.#filling
    if (this.#inputError !== undefined) throw this.#inputError.reason
    let left = this.#bytes - this.#engine.bytesWritten
    for (let chunk = this.#chunks.pop(); chunk !== undefined && left > 0; chunk = this.#chunks.pop()) {
      const rest = chunk.subarray(Math.max(0, chunk.length - left))
      this.#input.unread(rest)
      left -= rest.length
    }
  }

  stop(): void {
    this.#stopped = true
  }

  #fill(): void {
    if (this.#stopped) return
    this.#filling = this.#readAhead().catch(reason => {
      this.#inputError = { reason }
      this.#wake()
    })
  }

  async #readAhead(): Promise<void> {
    const engine = this.#engine
    do {
      const chunk = await this.#input.next()
      if (chunk !== undefined) this.#keep(chunk)
      if (this.#stopped) return
      if (chunk === undefined) {
        engine.end()
        return
      }
      engine.write(chunk)
    } while (!engine.writableNeedDrain)
  }

  #keep(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    let start = this.#bytes - this.#chunks.reduce((sum, { length }) => sum + length, 0)
    for (let first = this.#chunks[0]; first !== undefined; first = this.#chunks[0]) {
      start += first.length
      if (start > this.#engine.bytesWritten) return
      this.#chunks.shift()
    }
  }
}

function decodeError(what: string, cause: Error): Error {
  const code = 'code' in cause ? String(cause.code) : ''
  if (/mem/i.test(code)) return cause
  return new ImageError('MALFORMED', `Cannot decompress the layer: ${cause.message}`, { what }, { cause })
}
