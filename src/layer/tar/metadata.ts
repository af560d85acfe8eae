import type { Header } from './header.ts'
import { type Pax, parsePax } from './pax.ts'
import { malformed, tooMuch } from './refusal.ts'

/** What stood before an entry's header. It holds for that entry only. */
export interface Extensions {
  readonly pax?: Pax
  /** GNU long names. */
  readonly path?: Buffer
  readonly link?: Buffer
}

/** Of one extended header or long name: no real one comes near. */
const maxBytes = 2 ** 20
/** Headers that extend, one after another; real archives have three at most. */
const maxInRow = 16

const none: Extensions = {}

/** True for the headers whose data describes the next entry, or the whole archive. */
export function isMetadata({ typeflag }: Header): boolean {
  return typeflag === 0x78 || typeflag === 0x67 || typeflag === 0x4c || typeflag === 0x4b // x g L K
}

/** Gathers extended headers and long names until their entry comes. */
export class Metadata {
  #extensions: Extensions = none
  #inRow = 0

  /** Bytes of body that `header` announces. Errors: MALFORMED, LIMIT_EXCEEDED. */
  expect({ size }: Header): number {
    if (!(size >= 0)) throw malformed('an extended header has a negative size')
    if (size > maxBytes) throw tooMuch('bytes of an extended header', maxBytes, size)
    this.#inRow++
    if (this.#inRow > maxInRow) throw tooMuch('number of extended headers in a row', maxInRow, this.#inRow)
    return size
  }

  /** Of two of a kind before one entry, some readers take the first and some the last: refused. */
  add({ typeflag }: Header, body: Uint8Array): void {
    const { pax, path, link } = this.#extensions
    switch (String.fromCharCode(typeflag)) {
      case 'x':
        if (pax !== undefined) throw malformed('an entry has two extended headers')
        this.#extensions = { ...this.#extensions, pax: parsePax(body) }
        return
      case 'L':
        if (path !== undefined) throw malformed('an entry has two long names')
        this.#extensions = { ...this.#extensions, path: longName(body) }
        return
      case 'K':
        if (link !== undefined) throw malformed('an entry has two long link names')
        this.#extensions = { ...this.#extensions, link: longName(body) }
        return
      case 'g':
        // Some readers then forget the entry's own.
        if (this.#extensions !== none) throw malformed('a global header stands between an entry and its own')
        // Must be well-formed, and says nothing that counts.
        parsePax(body)
        return
    }
  }

  /** Hands over what belongs to the entry that comes now. */
  take(): Extensions {
    const extensions = this.#extensions
    this.#extensions = none
    this.#inRow = 0
    return extensions
  }

  /** Errors: MALFORMED if an entry is still to come: readers differ in what an extension of nothing means. */
  checkTaken(): void {
    if (this.#extensions !== none) throw malformed('an extended header has no entry')
  }
}

/** The body of a long name: its bytes, then NULs. */
function longName(body: Uint8Array): Buffer {
  let end = body.length
  while (end > 0 && body[end - 1] === 0) end--
  if (end === 0) throw malformed('a long name is empty')
  const name = Buffer.from(body.subarray(0, end))
  if (name.includes(0)) throw malformed('a name holds a NUL')
  return name
}
