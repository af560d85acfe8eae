import { closeSync, ftruncateSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { diskError } from '../../system/disk-error.ts'
import { inlineWorkers } from '../../system/inline.ts'
import type { Run, Workers } from '../../system/workers.ts'
import { type Chunk, ingestTask } from './ingest-task.ts'
import { checkLabels } from './labels.ts'
import type { BlobInfo, HandedOver, Ingest, Labels, Verdict, Want } from './store.ts'
import { judge, refuseSurplus } from './verify.ts'

/** Small writes are gathered to chunks of this size: a message a chunk. A blob that fits one is written on the spot. */
const CHUNK_BYTES = 512 << 10
/** Chunks that an ingest may have under way: 4 MiB. The writer waits for one of them to come back. */
const CHUNKS_IN_FLIGHT = 8

/** Starting a thread takes longer than writing and hashing a few hundred kilobytes. */
const onTheSpot = inlineWorkers()

/** An open, locked partial blob, and how it becomes visible. */
export interface Partial {
  readonly fd: number
  readonly path: string
  /** Bytes that are there already. */
  readonly size: number
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

  async write(bytes: Uint8Array): Promise<void> {
    this.#mustBeOpen()
    refuseSurplus(this.#want.size, this.#offset + bytes.length)
    try {
      for (let rest = bytes; rest.length > 0; ) rest = rest.subarray(await this.#fill(rest))
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

  /** Copies what fits into the present chunk. */
  async #fill(bytes: Uint8Array): Promise<number> {
    if (this.#filled === CHUNK_BYTES) this.#send(this.#workers)
    this.#writing?.check()
    this.#chunk ??= (await this.#writing?.emptyChunk()) ?? new ArrayBuffer(CHUNK_BYTES)
    const length = Math.min(bytes.length, CHUNK_BYTES - this.#filled)
    new Uint8Array(this.#chunk).set(bytes.subarray(0, length), this.#filled)
    this.#filled += length
    this.#offset += length
    return length
  }

  #send(carrier: Workers): void {
    this.#writing ??= new Writing(carrier, this.#partial.fd, this.#want, this.#resumed)
    if (this.#chunk !== undefined) this.#writing.send({ buffer: this.#chunk, length: this.#filled })
    this.#chunk = undefined
    this.#filled = 0
  }

  async #finish(): Promise<Verdict> {
    this.#send(this.#offset <= CHUNK_BYTES ? onTheSpot : this.#workers)
    const verdict = await this.#writing?.finish()
    if (verdict === undefined) throw new Error(`Ingest ${this.key} was not begun`)
    return verdict
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
  #inFlight = 0
  #failure: { readonly reason: unknown } | undefined
  #wake: () => void = () => {}

  constructor(carrier: Workers, fd: number, want: Want, offset: number) {
    const onMessage = (buffer: ArrayBuffer) => {
      this.#inFlight -= 1
      this.#empty.push(buffer)
      this.#wake()
    }
    this.#run = carrier.run(ingestTask, { fd, want, offset }, { signal: this.#abort.signal, onMessage })
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

  send(chunk: Chunk): void {
    this.#inFlight += 1
    this.#run.send(chunk, [chunk.buffer])
  }

  /** One that came back; undefined when another may be made. */
  async emptyChunk(): Promise<ArrayBuffer | undefined> {
    while (this.#empty.length === 0 && this.#inFlight >= CHUNKS_IN_FLIGHT) {
      this.check()
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    this.check()
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
