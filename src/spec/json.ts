import { ImageError } from '../errors.ts'

/** Registries take manifests up to 4 MiB (OCI distribution-spec v1.1, "Pushing Manifests"); no honest document needs more. */
export const maxDocumentBytes = 4 * 1024 * 1024

/** Arrays and objects inside each other; images need six. */
const maxDepth = 64

/** Members whose value is a map with keys of the author's choice, where `A` and `a` are two keys. */
const freeMaps: ReadonlySet<string> = new Set(['annotations', 'Labels', 'labels', 'Volumes', 'ExposedPorts'])

/**
 * The value that `bytes` hold as JSON; `what` names them in errors.
 *
 * Stricter than JSON.parse, because others read the same bytes: a key must not come twice, nor in two spellings that
 * differ only by case, since readers disagree on which of them counts.
 *
 * Shape:  UTF-8 without a byte order mark, at most {@link maxDocumentBytes}, nested at most 64 deep.
 * Errors: MALFORMED, LIMIT_EXCEEDED.
 */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > maxDocumentBytes) {
    throw new ImageError('LIMIT_EXCEEDED', `Cannot read ${what}: ${bytes.length} bytes are more than 4 MiB`, {
      limit: 'document bytes',
      max: maxDocumentBytes,
      actual: bytes.length,
    })
  }
  const text = decodeUtf8(bytes, what)
  checkStructure(text, what)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw malformed(what, 'not JSON', cause)
  }
}

export function malformed(what: string, found: string, cause?: unknown): ImageError<'MALFORMED'> {
  return new ImageError('MALFORMED', `Cannot read ${what}: ${found}`, { what }, { cause })
}

/** The beginning of what a stranger wrote, fit for one line on a terminal. */
export function printable(text: string): string {
  const start = text.length <= 80 ? text : `${text.slice(0, 80)}…`
  return start.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')
}

function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw malformed(what, 'not UTF-8', cause)
  }
}

/** An array or object that is open at the scanner's place. */
interface Open {
  /** Keys met so far, as {@link fold} leaves them; absent in arrays. */
  readonly keys?: Set<string>
  readonly fold: (key: string) => string
}

const outside: Open = { fold: exact }

/** Judges depth and keys. Lenient on syntax, which JSON.parse judges afterwards. */
function checkStructure(text: string, what: string): void {
  const open: Open[] = []
  let key = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '{') open.push({ keys: new Set(), fold: freeMaps.has(key) ? exact : ignoringCase })
    if (char === '[') open.push({ fold: exact })
    if (char === '}' || char === ']') open.pop()
    if (char === '{' || char === '[' || char === ',') key = ''
    if (open.length > maxDepth) throw tooDeep(what)
    if (char !== '"') continue
    const start = at
    at = endOfString(text, start) - 1
    const { keys, fold } = open.at(-1) ?? outside
    if (keys === undefined || !isFollowedByColon(text, at + 1)) continue
    key = decodeKey(text.slice(start, at + 1), what)
    if (keys.has(fold(key))) throw malformed(what, `key "${printable(key)}" comes twice`)
    keys.add(fold(key))
  }
}

function tooDeep(what: string): ImageError<'LIMIT_EXCEEDED'> {
  const details = { limit: 'document depth', max: maxDepth }
  return new ImageError('LIMIT_EXCEEDED', `Cannot read ${what}: nested more than ${maxDepth} deep`, details)
}

function exact(key: string): string {
  return key
}

/** As Go's decoder folds: also `ſ` is an s, and the Kelvin sign a k. */
export function ignoringCase(key: string): string {
  return key.toUpperCase().toLowerCase()
}

/** Where the string that begins at `at` has ended: after its closing quote. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === '\\') end++
    else if (text[end] === '"') return end + 1
  }
  return text.length
}

function isFollowedByColon(text: string, at: number): boolean {
  let next = at
  while (text[next] === ' ' || text[next] === '\n' || text[next] === '\r' || text[next] === '\t') next++
  return text[next] === ':'
}

function decodeKey(literal: string, what: string): string {
  try {
    return String(JSON.parse(literal))
  } catch (cause) {
    throw malformed(what, 'not JSON', cause)
  }
}
