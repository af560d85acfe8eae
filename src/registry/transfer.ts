import { ImageError } from '../errors.ts'
import { Ahead } from './ahead.ts'
import type { Place } from './connections.ts'
import { transportError } from './failures.ts'
import type { Host } from './hosts.ts'
import { chunkBytes } from './memory.ts'
import { type Content, type Opening, openRange, sizeMismatch } from './opening.ts'
import type { Download } from './registry.ts'
import type { Client } from './request.ts'
import type { Patience } from './retry.ts'
import { header } from './wire.ts'

/** A connection that brought this much was worth its while. */
const progressBytes = 64 * 1024

/** How often a connection's speed is looked at. */
const sampleMs = 50

/** Over how much time it is judged, at least and at most: hosts begin fast and then hold back, and machines have hiccups. */
const leastWindowMs = 200
const mostWindowMs = 1000

/** Others that join in get this long to begin, and then as long to prove themselves: round trips may be long. */
const trialMs = 1000

/** How much faster it must be with them: else the line is full, or this machine busy, and they are of no use. */
const leastGain = 1.2

export interface TransferParts {
  readonly client: Client
  readonly content: Content & { readonly patience: Patience }
  /** Opens the content again from byte `at` on, at this host or at another. */
  readonly reopen: (at: number) => Promise<Opening>
  /** The host broke off in the middle. */
  readonly onBreak: (host: Host) => void
  /** Of a layer: its place, and another one if there is one. */
  readonly place: Place | undefined
  readonly takePlace: () => Place | undefined
}

interface Trial {
  readonly bytesPerSecond: number
  /** Where and when it began to count. */
  readonly at: number
  readonly since: number
  /** Whether the time to begin is over. */
  readonly isBegun: boolean
}

/**
 * A download in order, out of as many answers as it takes: a connection that breaks is opened again where it broke, and
 * others join in when one is slow.
 */
export class Transfer implements Download {
  readonly host: string
  readonly #parts: TransferParts
  #opening: Opening | undefined
  #at: number
  #place: Place | undefined
  #ahead: Ahead | undefined
  /** What the first connection did alone, while it isn't settled whether others do better. */
  #trial: Trial | undefined
  /** What one connection may do without others joining in, in bytes a second. */
  #enough: number
  #isClosed = false

  constructor(parts: TransferParts, at: number, first: Opening) {
    this.#parts = parts
    this.#at = at
    this.#place = parts.place
    this.#enough = parts.client.limits.fastBytesPerSecond
    this.#opening = first
    this.host = new URL(first.host.origin).host
  }

  reuse(memory: ArrayBuffer): void {
    this.#parts.client.wire.memory.give(memory)
  }

  close(): void {
    this.#isClosed = true
    this.#opening?.answer.body.close()
    this.#ahead?.close()
    this.#place?.release()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    const { size, signal } = this.#parts.content
    try {
      while (this.#at < size && !this.#isClosed) {
        for await (const chunk of this.#ahead?.take(this.#at) ?? []) {
          signal?.throwIfAborted()
          this.#at += chunk.length
          this.#judgeOthers()
          yield chunk
        }
        if (this.#at < size && !this.#ahead?.isDue(this.#at)) yield* this.#own()
      }
    } finally {
      this.close()
    }
  }

  /** Over the reader's own connection, until it breaks or what comes next is on its way over others. */
  async *#own(): AsyncGenerator<Uint8Array, void, undefined> {
    const { content, reopen, onBreak } = this.#parts
    const { size, purpose, patience, signal } = content
    this.#place ??= this.#ahead?.reclaim()
    const opening = this.#opening ?? (await reopen(this.#at))
    this.#opening = opening
    const { host, answer } = opening
    const begun = this.#at
    let isHoldingUp = false
    const giveUp = () => {
      isHoldingUp = true
      answer.body.close()
    }
    const watch = setInterval(this.#speedometer(opening, giveUp), sampleMs).unref()
    let failure: unknown = new Error('connection broken off')
    let { skip } = opening
    try {
      for await (const chunk of answer.body) {
        signal?.throwIfAborted()
        const wanted = chunk.subarray(skip)
        skip -= chunk.length - wanted.length
        const ready = this.#ready()
        const bytes = wanted.subarray(0, ready === size ? wanted.length : ready - this.#at)
        this.#at += bytes.length
        if (this.#at > size) throw surplus(purpose, answer.url, size, this.#at)
        if (bytes.length > 0) yield bytes
        if (this.#at === ready) break
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (error instanceof ImageError) throw error
      failure = error
    } finally {
      clearInterval(watch)
    }
    this.#opening = undefined
    if (this.#isClosed || this.#at === size) return
    if (this.#ready() === this.#at) return this.#lend()
    if (isHoldingUp) return this.#rush()
    onBreak(host)
    if (this.#at - begun >= progressBytes) patience.renew()
    else await patience.after(transportError(failure, answer.url.host, purpose), signal)
  }

  #ready(): number {
    return this.#ahead?.ready(this.#at) ?? this.#parts.content.size
  }

  #lend(): void {
    if (this.#place !== undefined) this.#ahead?.lend(this.#place)
    this.#place = undefined
  }

  #rush(): void {
    if (this.#place !== undefined) this.#ahead?.rush(this.#at, this.#place)
    this.#place = undefined
  }

  /** Has others join in once the connection of `opening` proves slow, and gives it up when they have to wait for it. */
  #speedometer({ host, answer, skip }: Opening, giveUp: () => void): () => void {
    const { client, content, place } = this.#parts
    const { aheadFromBytes, aheadFromIdle } = client.limits
    const { meter } = answer
    const begun = this.#at
    const samples = [{ bytes: 0, ms: 0, ...threadTime() }]
    const { origin } = host
    const isFit = place !== undefined && skip === 0 && header(answer, 'accept-ranges') !== 'none'
    return () => {
      const now = { bytes: meter.bytes, ms: meter.ms, ...threadTime() }
      samples.push(now)
      while (now.ms - (samples[1]?.ms ?? now.ms) >= mostWindowMs) samples.shift()
      const [since = now] = samples
      const bytesPerSecond = ((now.bytes - since.bytes) * 1000) / (now.ms - since.ms)
      const got = begun + now.bytes
      if (this.#ahead?.isResting === false) {
        const gap = this.#ready() - got
        const last = samples.at(-3) ?? since
        const isLate = (now.bytes - last.bytes) * sampleMs < gap * (now.ms - last.ms)
        if (gap > 0 && isLate && this.#ahead.isHere(got + gap)) giveUp()
        return
      }
      if (!isFit || now.ms - since.ms < leastWindowMs) return
      // Nearer than this, the first connection gets there before the others have answered.
      const from = got + 2 * chunkBytes
      const isShort = content.size - from < aheadFromBytes
      const isBusy = now.idleMs - since.idleMs < aheadFromIdle * (now.atMs - since.atMs)
      if (bytesPerSecond > this.#enough || isBusy || isShort || client.ahead.refusing.has(origin)) return
      if (this.#ahead === undefined) this.#ahead = this.#startAhead({ host, answer, skip }, from)
      else this.#ahead.resume(from)
      this.#trial = { bytesPerSecond, at: this.#at, since: performance.now(), isBegun: false }
    }
  }

  #judgeOthers(): void {
    const trial = this.#trial
    const now = performance.now()
    if (trial === undefined || now - trial.since < trialMs) return
    const bytesPerSecond = ((this.#at - trial.at) * 1000) / (now - trial.since)
    this.#trial = trial.isBegun ? undefined : { ...trial, at: this.#at, since: now, isBegun: true }
    if (!trial.isBegun || bytesPerSecond > trial.bytesPerSecond * leastGain) return
    this.#enough = bytesPerSecond / leastGain
    this.#ahead?.rest()
  }

  #startAhead(opening: Opening, from: number): Ahead {
    const { client, content, takePlace } = this.#parts
    const open = async (start: number, end: number, signal: AbortSignal) => {
      const either = content.signal === undefined ? signal : AbortSignal.any([content.signal, signal])
      const once = { ...content, patience: undefined, signal: either }
      return (await openRange(client, opening, once, [start, end])).body.inFull()
    }
    const onRefusal = () => client.ahead.refusing.add(opening.host.origin)
    const onFree = (listener: () => void) => client.connections.onFree(listener)
    const { ahead: memory, limits } = client
    const { aheadAnswerMs: answerMs } = limits
    return new Ahead({ size: content.size, open, takePlace, onFree, memory, answerMs, onRefusal }, from)
  }
}

/** How long this thread has had nothing to do, and when it was asked. */
function threadTime(): { readonly idleMs: number; readonly atMs: number } {
  return { idleMs: performance.eventLoopUtilization().idle, atMs: performance.now() }
}

function surplus(purpose: string, { host }: URL, size: number, got: number): ImageError {
  return sizeMismatch(`Cannot ${purpose}: ${host} sends more than announced`, size, got)
}
