import { checkLabels } from './labels.ts'
import type { BlobInfo, Ingest, Labels, Verdict, Want } from './store.ts'
import { judge, openVerifier, refuseSurplus } from './verify.ts'

/** What is there of a blob, held or not. */
export interface MemoryPartial {
  chunks: Uint8Array[]
  size: number
  total?: number
  readonly startedAt: Date
  updatedAt: Date
}

export interface MemoryIngestOwner {
  publish(bytes: Uint8Array, labels: Labels): Promise<BlobInfo>
  end(keep: boolean): void
}

export class MemoryIngest implements Ingest {
  readonly key: string
  readonly #want: Want
  readonly #partial: MemoryPartial
  readonly #owner: MemoryIngestOwner
  #ended = false

  constructor(key: string, want: Want, partial: MemoryPartial, owner: MemoryIngestOwner) {
    this.key = key
    this.#want = want
    this.#partial = partial
    this.#owner = owner
    if (want.size !== undefined) partial.total = want.size
    if (want.size !== undefined && partial.size > want.size) this.#clear()
  }

  get offset(): number {
    return this.#partial.size
  }

  async write(bytes: Uint8Array, giveBack?: (memory: ArrayBuffer) => void): Promise<void> {
    this.#mustBeOpen()
    refuseSurplus(this.#want.size, this.offset + bytes.length)
    this.#partial.chunks.push(new Uint8Array(bytes))
    this.#partial.size += bytes.length
    this.#partial.updatedAt = new Date()
    if (bytes.buffer instanceof ArrayBuffer) giveBack?.(bytes.buffer)
  }

  async reset(): Promise<void> {
    this.#mustBeOpen()
    this.#clear()
  }

  handOver(): undefined {
    this.#mustBeOpen()
  }

  async commit(labels: Labels = {}): Promise<BlobInfo> {
    this.#mustBeOpen()
    try {
      checkLabels(labels)
      judge(this.#want, this.#verdict())
      return await this.#owner.publish(Buffer.concat(this.#partial.chunks), labels)
    } finally {
      this.#end(false)
    }
  }

  async close(): Promise<void> {
    this.#end(true)
  }

  async abort(): Promise<void> {
    this.#end(false)
  }

  #verdict(): Verdict {
    const verifier = openVerifier(this.#want)
    for (const chunk of this.#partial.chunks) verifier.update(chunk)
    return verifier.verdict()
  }

  #clear(): void {
    this.#partial.chunks = []
    this.#partial.size = 0
  }

  #mustBeOpen(): void {
    if (this.#ended) throw new Error(`Ingest ${this.key} has ended`)
  }

  #end(keep: boolean): void {
    if (this.#ended) return
    this.#ended = true
    this.#owner.end(keep)
  }
}
