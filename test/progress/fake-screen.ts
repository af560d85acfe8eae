import type { BlobEvent, ResolveEvent, TotalEvent, UnpackEvent } from '../../src/progress/events.ts'
import type { Screen } from '../../src/progress/renderer.ts'
import { type Digest, digestOf } from '../../src/spec/digest.ts'

/** A screen whose clock the test moves, and which shows what a terminal would: enough of ECMA-48 for the renderers. */
export class FakeScreen implements Screen {
  columns = 80
  rows = 24
  color = false
  unicode = true
  time = 0
  readonly writes: string[] = []
  /** Lines from the top of the scrollback on. */
  #lines: string[] = ['']
  #row = 0
  #column = 0
  #wraps = true

  /** Breaks what is too long now, as terminals do, and takes the cursor along. */
  resize(columns: number): void {
    this.columns = columns
    const broken = this.#lines.map(line => line.match(new RegExp(`.{1,${columns}}`, 'gu')) ?? [''])
    this.#row = broken.slice(0, this.#row).flat().length
    this.#lines = broken.flat()
  }

  now(): number {
    return this.time
  }

  write(text: string): void {
    this.writes.push(text)
    for (const [token] of text.matchAll(/\x1b\[\??\d*[A-Za-z]|[\s\S]/gu)) this.#take(token)
  }

  /** The lines on the screen, without trailing blanks. */
  get text(): string[] {
    const lines = this.#lines.map(line => line.trimEnd())
    while (lines.at(-1) === '') lines.pop()
    return lines
  }

  #take(token: string): void {
    const line = this.#lines[this.#row] ?? ''
    if (token === '\r') this.#column = 0
    else if (token === '\n') {
      this.#row++
      this.#column = 0
      if (this.#row === this.#lines.length) this.#lines.push('')
    } else if (token === '\x1b[K') this.#lines[this.#row] = line.slice(0, this.#column)
    else if (token === '\x1b[J') {
      this.#lines.length = this.#row + 1
      this.#lines[this.#row] = line.slice(0, this.#column)
    } else if (/^\x1b\[\d+A$/.test(token)) this.#row -= Number(token.slice(2, -1))
    else if (/^\x1b\[\?7[hl]$/.test(token)) this.#wraps = token.endsWith('h')
    else if (!token.startsWith('\x1b')) {
      if (this.#column >= this.columns && !this.#wraps) throw new Error(`a line of the frame is too long: ${line}`)
      this.#lines[this.#row] = line.slice(0, this.#column).padEnd(this.#column) + token + line.slice(this.#column + 1)
      this.#column++
    }
    if (this.#row < 0) throw new Error('the cursor left the screen')
  }
}

export const alpine = 'docker.io/library/alpine:latest'

export function layerDigest(number: number): Digest {
  return digestOf(`layer ${number}`)
}

export function resolveEvent(state: ResolveEvent['state'], reference = alpine): ResolveEvent {
  return { type: 'resolve', reference, state, ...(state === 'done' ? { digest: digestOf('manifest') } : {}) }
}

export function blobEvent(number: number, state: BlobEvent['state'], offset = 0, reference = alpine): BlobEvent {
  return { type: 'blob', reference, digest: layerDigest(number), kind: 'layer', state, offset, total: 20_000_000 }
}

export function unpackEvent(number: number, state: UnpackEvent['state'], offset = 0, reference = alpine): UnpackEvent {
  const digest = layerDigest(number)
  return { type: 'unpack', reference, digest, chainId: digest, state, offset, total: 20_000_000 }
}

export function totalEvent(
  state: TotalEvent['state'],
  downloaded: number,
  unpacked = 0,
  reference = alpine,
): TotalEvent {
  return {
    type: 'total',
    reference,
    state,
    downloaded,
    toDownload: 40e6,
    resumed: 0,
    unpacked,
    toUnpack: 40e6,
    reused: 0,
  }
}
