import { closeSync, ftruncateSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { diskError } from '../../system/disk-error.ts'
import { inlineWorkers } from '../../system/inline.ts'
import type { Run, Workers } from '../../system/workers.ts'
import { type Chunk, type IngestArgs, ingestTask } from './ingest-task.ts'
import { checkLabels } from './labels.ts'
import type { BlobInfo, HandedOver, Ingest, Labels, Verdict, Want } from './store.ts'
import { judge, refuseSurplus } from './verify.ts'

/** Small writes are gathered to chunks of this size: a message a chunk. A blob that fits one is written on the spot. */
const CHUNK_BYTES = 512 << 10
/** A write that is worth a message of its own, where its memory may travel. */
const WHOLE_BYTES = 256 << 10
/** Chunks that an ingest may have under way: 4 MiB. The writer waits for one of them to come back. */
const CHUNKS_IN_FLIGHT = 8

/** Starting a thread takes longer than writing and hashing a few hundred kilobytes. */
const onTheSpot = inlineWorkers()

type GiveBack = (memory: ArrayBuffer) => void

/** An open, locked partial blob, and how it becomes visible. */
export interface Partial {
  readonly fd: number
  readonly path: string
  /** Bytes that are there already. */
  readonly size: number
  /** Nobody reads it soon. */
  readonly isCold: boolean
  /** Makes it the blob, for good, or drops it when the blob is there already. */
  publish(labels: Labels): Promise<BlobInfo>
  /** Called once when the ingest has ended. */
  onEnd(): void
}

export class FsIngest implements Ingest {
  readonly key: string
  readonly #want: Want
  readonly #partial: Partial
  readonly #workers: Workers
  #resumed: number
  #offset: number
  #writing: Writing | undefined
  /** The chunk that is being filled. */
  #chunk: ArrayBuffer | undefined
  #filled = 0
  /** Resolves with the end of a commit, whichever: it closes the descriptor. */
  #committed: Promise<void> | undefined
  #ended = false

  constructor(key: string, want: Want, partial: Partial, workers: Workers) {
    this.key = key
    this.#want = want
    this.#partial = partial
    this.#workers = workers
    this.#resumed = partial.size
    this.#offset = partial.size
  }

  get offset(): number {
    return this.#offset
  }

  async write(bytes: Uint8Array, giveBack?: GiveBack): Promise<void> {
    this.#mustBeOpen()
    refuseSurplus(this.#want.size, this.#offset + bytes.length)
    const { buffer } = bytes
    try {
      if (giveBack === undefined || !(buffer instanceof ArrayBuffer)) await this.#copy(bytes)
      else if (bytes.length >= WHOLE_BYTES && this.#isLarge) await this.#pass(bytes, buffer, giveBack)
      else {
        await this.#copy(bytes)
        giveBack(buffer)
      }
    } catch (error) {
      throw diskError(error, this.#partial.path)
    }
  }

  async reset(): Promise<void> {
    this.#mustBeOpen()
    await this.#stop()
    ftruncateSync(this.#partial.fd, 0)
    this.#resumed = 0
    this.#offset = 0
  }

  handOver(): HandedOver {
    this.#mustBeOpen()
    if (this.#offset !== this.#resumed) throw new Error(`Ingest ${this.key} is being written already`)
    return { fd: this.#partial.fd, offset: this.#offset, path: this.#partial.path }
  }

  async commit(labels: Labels = {}, verdict?: Verdict): Promise<BlobInfo> {
    this.#mustBeOpen()
    const commit = this.#publish(labels, verdict)
    this.#committed = commit.then(
      () => {},
      () => {},
    )
    return commit
  }

  async #publish(labels: Labels, verdict?: Verdict): Promise<BlobInfo> {
    try {
      checkLabels(labels)
      const found = verdict ?? (await this.#finish())
      await this.#judge(found)
      return await this.#partial.publish(labels)
    } catch (error) {
      throw diskError(error, this.#partial.path)
    } finally {
      await this.#end()
    }
  }

  async close(): Promise<void> {
    await this.#committed
    if (this.#ended) return
    // A full disk has cut the partial short: whoever resumes it sees how much is there.
    if (this.#filled > 0 || this.#writing !== undefined) await this.#finish().catch(() => {})
    await this.#end()
  }

  async abort(): Promise<void> {
    await this.#committed
    if (this.#ended) return
    await this.#stop()
    await unlink(this.#partial.path)
    await this.#end()
  }

  #mustBeOpen(): void {
    if (this.#ended) throw new Error(`Ingest ${this.key} has ended`)
  }

  get #isLarge(): boolean {
    return this.#want.size !== undefined && this.#want.size > CHUNK_BYTES
  }

  /** Sends the memory of `bytes` itself, after what was gathered. */
  async #pass({ byteOffset: start, length }: Uint8Array, buffer: ArrayBuffer, giveBack: GiveBack): Promise<void> {
    const writing = this.#flush(this.#workers)
    await writing.room()
    writing.send({ buffer, start, length }, giveBack)
    this.#offset += length
  }

  async #copy(bytes: Uint8Array): Promise<void> {
    for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(await this.#fill(rest))
  }

  /** Copies what fits into the present chunk. */
  async #fill(bytes: Uint8Array): Promise<number> {
    if (this.#filled === CHUNK_BYTES) this.#flush(this.#workers)
    this.#writing?.check()
    this.#chunk ??= (await this.#writing?.emptyChunk()) ?? new ArrayBuffer(CHUNK_BYTES)
    const length = Math.min(bytes.length, CHUNK_BYTES - this.#filled)
    new Uint8Array(this.#chunk).set(bytes.subarray(0, length), this.#filled)
    this.#filled += length
    this.#offset += length
    return length
  }

  /** Begins to write, if that is still to be done, and sends what was gathered. */
  #flush(carrier: Workers): Writing {
    const { fd, path, isCold } = this.#partial
    const file = { fd, path, isCold: isCold && carrier !== onTheSpot }
    this.#writing ??= new Writing(carrier, { ...file, want: this.#want, offset: this.#resumed })
    if (this.#filled > 0 && this.#chunk !== undefined) this.#writing.sendOwn(this.#chunk, this.#filled)
    this.#chunk = undefined
    this.#filled = 0
    return this.#writing
  }

  async #finish(): Promise<Verdict> {
    return await this.#flush(this.#offset <= CHUNK_BYTES ? onTheSpot : this.#workers).finish()
  }

  /** Bytes that were refused once would be refused for ever: they are not left to be resumed. */
  async #judge(verdict: Verdict): Promise<void> {
    try {
      judge(this.#want, verdict)
    } catch (error) {
      await unlink(this.#partial.path)
      throw error
    }
  }

  async #stop(): Promise<void> {
    await this.#writing?.stop()
    this.#writing = undefined
    this.#chunk = undefined
    this.#filled = 0
  }

  /** The descriptor's number is free for others from here on: nothing may be writing to it. */
  async #end(): Promise<void> {
    this.#ended = true
    await this.#stop()
    closeSync(this.#partial.fd)
    this.#partial.onEnd()
  }
}

/** The task that writes, and the chunks that travel to it and back. */
class Writing {
  readonly #abort = new AbortController()
  readonly #run: Run<Chunk, Verdict>
  readonly #empty: ArrayBuffer[] = []
  readonly #settled: Promise<void>
  /** Who gets the memory of each chunk that is under way, in order. */
  readonly #inFlight: GiveBack[] = []
  #failure: { readonly reason: unknown } | undefined
  #wake: () => void = () => {}

  constructor(carrier: Workers, args: IngestArgs) {
    const onMessage = (buffer: ArrayBuffer) => {
      this.#inFlight.shift()?.(buffer)
      this.#wake()
    }
    this.#run = carrier.run(ingestTask, args, { signal: this.#abort.signal, onMessage })
    this.#settled = this.#run.result.then(
      () => {},
      reason => {
        this.#failure = { reason }
        this.#wake()
      },
    )
  }

  /** Throws what an earlier chunk failed with. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.reason
  }

  send(chunk: Chunk, giveBack: GiveBack): void {
    this.#inFlight.push(giveBack)
    this.#run.send(chunk, [chunk.buffer])
  }

  sendOwn(buffer: ArrayBuffer, length: number): void {
    this.send({ buffer, start: 0, length }, spent => this.#empty.push(spent))
  }

  /** Waits until another chunk may be sent. */
  async room(): Promise<void> {
    while (this.#inFlight.length >= CHUNKS_IN_FLIGHT) {
      this.check()
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    this.check()
  }

  /** One that came back; undefined when another may be made. */
  async emptyChunk(): Promise<ArrayBuffer | undefined> {
    await this.room()
    return this.#empty.pop()
  }

  finish(): Promise<Verdict> {
    this.#run.end()
    return this.#run.result
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#settled
  }
}
