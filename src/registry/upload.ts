import type { Hash } from 'node:crypto'
import { ImageError } from '../errors.ts'
import { algorithmOf, digestFrom, newHash } from '../spec/digest.ts'
import { sizeMismatch } from './opening.ts'
import type { Download, Fetcher } from './registry.ts'
import type { Patience } from './retry.ts'
import {
  beginUpload,
  completeUpload,
  mountOrBegin,
  sendPiece,
  statusOf,
  type UploadErrand,
  type UploadSession,
} from './upload-session.ts'

/** What is tried where a whole blob is too large for one request: least of all what nginx takes by default. */
const pieceSizes = [64, 8, 1].map(mebibytes => mebibytes * 1024 * 1024)

/** An upload that got this much further was worth its while. */
const progressBytes = 64 * 1024

/** Chunks that fill a socket: the next one is asked for when they are with the kernel, so their memory is free again. */
const flushedBytes = 64 * 1024

export interface UploadOptions {
  readonly patience: Patience
  readonly mountFrom?: string | undefined
  readonly onOffset?: ((offset: number) => void) | undefined
  /** Whether the registry has the blob, after all. */
  readonly isKept: () => Promise<boolean>
}

/**
 * Brings one blob to a registry: in one request if it can be, and on from where the registry says it has got to.
 *
 * Errors: those of requests and of `content`; DIGEST_MISMATCH, SIZE_MISMATCH before the registry is told to keep it.
 */
export async function uploadBlob(
  errand: UploadErrand,
  content: Pick<Fetcher, 'fetch'>,
  options: UploadOptions,
): Promise<'mounted' | 'uploaded'> {
  const { mountFrom } = options
  const session = mountFrom === undefined ? await beginUpload(errand) : await mountOrBegin(errand, mountFrom)
  if (session === 'mounted') return 'mounted'
  const upload = new Upload(errand, content, options)
  await upload.run(session)
  return 'uploaded'
}

class Upload {
  readonly #errand: UploadErrand
  readonly #content: Pick<Fetcher, 'fetch'>
  readonly #options: UploadOptions
  readonly #hash: Hash
  /** Bytes that the hash has seen. */
  #hashed = 0
  #pieceBytes = Number.POSITIVE_INFINITY
  /** The furthest that the registry has ever confirmed. */
  #best = 0
  /** Grows with each body that is sent: of those before it, what is still under way counts no more. */
  #turn = 0
  #download: Download | undefined
  /** What the content itself failed with: no matter of the registry's. */
  #failure: { readonly error: unknown } | undefined

  constructor(errand: UploadErrand, content: Pick<Fetcher, 'fetch'>, options: UploadOptions) {
    this.#errand = errand
    this.#content = content
    this.#options = options
    this.#hash = newHash(algorithmOf(errand.descriptor.digest))
  }

  async run(begun: UploadSession): Promise<void> {
    const { descriptor, signal } = this.#errand
    const { patience, isKept } = this.#options
    for (let session = begun; ; ) {
      try {
        while (session.at < descriptor.size) session = await this.#send(session)
        return await completeUpload(this.#errand, session)
      } catch (error) {
        signal?.throwIfAborted()
        if (this.#failure !== undefined) throw this.#failure.error
        await patience.after(error, signal)
        if (session.at === descriptor.size && (await isKept())) return
        session = await this.#resume(session)
      }
    }
  }

  async #send(session: UploadSession): Promise<UploadSession> {
    const end = Math.min(this.#errand.descriptor.size, session.at + this.#pieceBytes)
    const bytes = () => this.#bytes(session.at, end)
    const sent = await sendPiece(this.#errand, session, { end, bytes }).finally(() => this.#stop())
    if (sent === 'too large') {
      this.#sendLess(end - session.at)
      return await this.#resume(session)
    }
    this.#note(sent)
    return sent
  }

  #sendLess(refused: number): void {
    const next = pieceSizes.find(bytes => bytes < refused)
    if (next !== undefined) {
      this.#pieceBytes = next
      return
    }
    const { purpose, host } = this.#errand
    const { host: name } = new URL(host.origin)
    const message = `Cannot ${purpose}: ${name} finds even ${refused} bytes at a time too large (413)`
    throw new ImageError('INVALID_RESPONSE', message, { host: name, status: 413 })
  }

  /** The same upload from where it is, or a new one. */
  async #resume(session: UploadSession): Promise<UploadSession> {
    const known = await statusOf(this.#errand, session)
    if (known === undefined || known.at > this.#errand.descriptor.size) return await beginUpload(this.#errand)
    this.#note(known)
    return known
  }

  #note({ at }: UploadSession): void {
    if (at - this.#best >= progressBytes) this.#options.patience.renew()
    this.#best = Math.max(this.#best, at)
  }

  #stop(): number {
    this.#download?.close()
    this.#download = undefined
    this.#turn += 1
    return this.#turn
  }

  async *#bytes(start: number, end: number): AsyncGenerator<Uint8Array, void, undefined> {
    const turn = this.#stop()
    try {
      yield* this.#read(start, end, turn)
    } catch (error) {
      if (turn === this.#turn) this.#failure = { error }
      throw error
    }
  }

  async *#read(start: number, end: number, turn: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { descriptor, signal } = this.#errand
    const asked = { offset: start, ...(signal === undefined ? {} : { signal }) }
    const download = await this.#content.fetch(descriptor, asked)
    if (turn !== this.#turn) return download.close()
    this.#download = download
    let at = start
    for await (const chunk of download) {
      if (turn !== this.#turn) return
      const bytes = chunk.subarray(0, end - at)
      this.#see(at, bytes)
      at += bytes.length
      yield bytes
      this.#options.onOffset?.(at)
      if (chunk.length >= flushedBytes) download.reuse(chunk.buffer as ArrayBuffer)
      if (at === end) return
    }
    if (at < end) {
      throw sizeMismatch(`Cannot accept ${descriptor.digest}: ${at} bytes of ${descriptor.size}`, descriptor.size, at)
    }
  }

  /** Hashes what is new. With the last bytes the verdict falls, before they are sent. */
  #see(at: number, bytes: Uint8Array): void {
    const { digest, size } = this.#errand.descriptor
    const fresh = bytes.subarray(Math.max(0, this.#hashed - at))
    if (fresh.length === 0) return
    this.#hash.update(fresh)
    this.#hashed = at + bytes.length
    if (this.#hashed < size) return
    const actual = digestFrom(this.#hash, algorithmOf(digest))
    if (actual === digest) return
    const message = `Cannot accept ${digest}: content hashes to ${actual}`
    throw new ImageError('DIGEST_MISMATCH', message, { expected: digest, actual })
  }
}
