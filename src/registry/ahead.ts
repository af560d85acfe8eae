import type { Place } from './connections.ts'
import { isTransient } from './failures.ts'
import { chunkBytes } from './memory.ts'
import { Segment } from './segment.ts'

/** Bounds of a segment: worth a request, and short enough that many fit in memory and little is lost with one. */
const leastBytes = 2 * chunkBytes
const mostBytes = 12 * chunkBytes

/** What the body of a segment should take: longer than the wait for it. */
const segmentMs = 250

export interface AheadParts {
  readonly size: number
  /** Opens the bytes from `start` up to `end`, and no others. */
  readonly open: (start: number, end: number, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>
  /** A connection more, if one may be had. */
  readonly takePlace: () => Place | undefined
  /** Calls back when one might be had. */
  readonly onFree: (listener: () => void) => () => void
  /** What is left of it, for all downloads together. */
  readonly memory: { bytes: number }
  /** How long the reader waits for an answer. */
  readonly answerMs: number
  /** The host doesn't do ranges. */
  readonly onRefusal: () => void
}

/**
 * Fetches a blob in segments over several connections, ahead of a reader that goes through it in order.
 *
 * It may fail at any time: the reader then reads the bytes that are missing by itself. A segment that was asked for and
 * not yet answered is nobody's loss when the reader gets there first.
 */
export class Ahead {
  readonly #parts: AheadParts
  /** With the memory that each still holds. */
  readonly #segments = new Map<Segment, number>()
  readonly #running = new Map<Segment, Place>()
  readonly #places: Place[] = []
  readonly #unlisten: () => void
  /** The place of the reader is here. */
  #isLent = false
  #isResting = false
  #next: number
  #segmentBytes = leastBytes
  /** Connections that the host has been seen to bear. */
  #most = Number.POSITIVE_INFINITY

  /** Begins at the byte `from`. */
  constructor(parts: AheadParts, from: number) {
    this.#parts = parts
    this.#next = from
    this.#unlisten = parts.onFree(() => this.#grow())
    this.#grow()
  }

  /** The first byte from `at` on that is here or on its way; the blob's end when none is. The reader is at `at`. */
  ready(at: number): number {
    let first = this.#parts.size
    for (const segment of this.#segments.keys()) {
      if (segment.start < at && !segment.isComing) this.#drop(segment)
      else if (segment.start >= at && segment.isComing) first = Math.min(first, segment.start)
    }
    if (first === this.#parts.size) this.#next = Math.max(this.#next, at + leastBytes)
    return first
  }

  /** Whether what comes from `at` on is worth waiting for. */
  isDue(at: number): boolean {
    return this.#at(at)?.isDue(this.#parts.answerMs) ?? false
  }

  /** Whether all from `at` on that was asked for is here, so that who isn't there yet holds others up, and may {@link rush}. */
  isHere(at: number): boolean {
    const hasFailed = this.#most !== Number.POSITIVE_INFINITY
    return !hasFailed && (this.#at(at)?.isEnded ?? false)
  }

  /** Asks for what the reader needs next, up to what is {@link ready}, over its own `place` and whatever memory is left. */
  rush(at: number, place: Place): void {
    this.#isLent = true
    this.#ask(at, Math.min(this.ready(at), at + leastBytes), place)
  }

  /** What comes from `at` on, if {@link ready} says that something does; it may end early. */
  async *take(at: number): AsyncGenerator<Uint8Array, void, undefined> {
    const segment = this.#at(at)
    if (segment === undefined) return
    await segment.answered(this.#parts.answerMs)
    if (!segment.isComing) return
    for await (const chunk of segment) {
      this.#release(segment, chunk.length)
      this.#grow()
      yield chunk
    }
    this.#drop(segment)
    this.#grow()
  }

  /** The reader lends its place while it needs none itself. */
  lend(place: Place): void {
    this.#isLent = true
    this.#places.push(place)
    this.#grow()
  }

  /** The reader needs its place again: what is furthest off makes room for it. */
  reclaim(): Place | undefined {
    if (!this.#isLent) return undefined
    this.#isLent = false
    const idle = this.#places.pop()
    if (idle !== undefined) return idle
    const [segment, place] = [...this.#running].toSorted(([one], [other]) => one.start - other.start).at(-1) ?? []
    if (segment === undefined) return undefined
    this.#running.delete(segment)
    this.#drop(segment)
    return place
  }

  /** Asks for nothing more until {@link resume}; what is on its way still comes. */
  rest(): void {
    this.#isResting = true
  }

  /** Goes on at the byte `from` at the earliest, if it rests. */
  resume(from: number): void {
    if (!this.#isResting) return
    this.#isResting = false
    this.#next = Math.max(this.#next, from)
    this.#grow()
  }

  get isResting(): boolean {
    return this.#isResting
  }

  close(): void {
    this.#most = 0
    this.#isLent = false
    this.#unlisten()
    for (const segment of this.#segments.keys()) this.#drop(segment)
    for (const place of [...this.#running.values(), ...this.#places.splice(0)]) place.release()
    this.#running.clear()
  }

  #grow(): void {
    const { size, memory, takePlace } = this.#parts
    while (!this.#isResting && this.#next < size && this.#running.size < this.#most) {
      const end = Math.min(size, this.#next + this.#segmentBytes)
      if (memory.bytes < end - this.#next) break
      const place = this.#places.pop() ?? takePlace()
      if (place === undefined) break
      this.#ask(this.#next, end, place)
      this.#next = end
    }
    while (this.#places.length > (this.#isLent ? 1 : 0)) this.#places.pop()?.release()
  }

  #at(at: number): Segment | undefined {
    return [...this.#segments.keys()].find(({ start }) => start === at)
  }

  #ask(start: number, end: number, place: Place): void {
    const segment = new Segment(start, end)
    this.#parts.memory.bytes -= end - start
    this.#segments.set(segment, end - start)
    this.#running.set(segment, place)
    void this.#run(segment)
  }

  async #run(segment: Segment): Promise<void> {
    const { start, end } = segment
    let answered = 0
    try {
      await segment.fill(async signal => {
        const body = await this.#parts.open(start, end, signal)
        answered = performance.now()
        return body
      })
      const bytes = ((end - start) * segmentMs) / (performance.now() - answered)
      this.#segmentBytes = clamp(Math.ceil(bytes / chunkBytes) * chunkBytes, leastBytes, mostBytes)
    } catch (error) {
      if (!segment.signal.aborted) this.#failed(segment, error)
    } finally {
      const place = this.#running.get(segment)
      this.#running.delete(segment)
      if (place !== undefined) this.#places.push(place)
      this.#grow()
    }
  }

  /** One that passes shows how many connections are too many; any other, that the host won't have more than one. */
  #failed(segment: Segment, error: unknown): void {
    const hasBegun = segment.isBegun
    this.#most = hasBegun || isTransient(error) ? Math.min(this.#most, this.#running.size - 1) : 0
    if (!hasBegun) this.#drop(segment)
    if (!hasBegun && !isTransient(error)) this.#parts.onRefusal()
  }

  #release(segment: Segment, bytes: number): void {
    this.#segments.set(segment, (this.#segments.get(segment) ?? 0) - bytes)
    this.#parts.memory.bytes += bytes
  }

  #drop(segment: Segment): void {
    this.#parts.memory.bytes += this.#segments.get(segment) ?? 0
    this.#segments.delete(segment)
    segment.drop()
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(most, value))
}
