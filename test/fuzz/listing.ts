import { createHash } from 'node:crypto'
import { ImageError } from '../../src/errors.ts'
import { TarReader } from '../../src/layer/tar/reader.ts'

/** What a reader of tars says of one: its entries, or why it gives none. Names are latin1 strings. */
export interface Listing {
  readonly entries: readonly ListedEntry[]
  /** SHA-256 of all files' bytes, one after another. */
  readonly content: string
  readonly error?: string
}

export interface ListedEntry {
  readonly type: string
  /** Without slashes at its end. */
  readonly path: string
  readonly link: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly seconds: number
  readonly size: number
  /** Major and minor number. */
  readonly device: string
}

/** Larger files are not read: nobody waits for 2⁶³ zeros. */
const maxFileBytes = 2 ** 26
export const tooLarge = 'too large'
/** Content that a reader can't give. */
export const unknown = 'unknown'

/** What davit says. Errors other than its own are thrown: those are findings of their own. */
export function davitListing(tar: Uint8Array): Listing {
  const entries: ListedEntry[] = []
  const content = createHash('sha256')
  let end = 0
  let size = 0
  const reader = new TarReader({
    entry({ type, path, link, mode, uid, gid, seconds, major, minor, ...entry }) {
      if (entry.size > maxFileBytes) throw new ImageError('UNSUPPORTED', tooLarge, { what: tooLarge })
      size = entry.size
      end = 0
      const name = path.toString('latin1').replace(/\/+$/, '')
      entries.push({
        ...{ type, path: name, link: link.toString('latin1'), mode, uid, gid, seconds, size },
        device: type === 'character' || type === 'block' ? `${major}:${minor}` : '',
      })
    },
    data(bytes, at) {
      content.update(Buffer.alloc(at - end)).update(bytes)
      end = at + bytes.length
    },
    done() {
      content.update(Buffer.alloc(size - end))
    },
  })
  try {
    reader.push(tar)
    reader.end()
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    return { entries: [], content: '', error: error.message }
  }
  return { entries, content: content.digest('hex') }
}
