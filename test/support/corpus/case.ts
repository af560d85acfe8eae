import type { ErrorCode } from '../../../src/errors.ts'

/** One image that tries something: an attack, or what is rare and still right. */
export interface CorpusCase {
  readonly name: string
  /**
   * Its layers as a registry would have them, base first. Attacks aim at `sentinel`, the absolute path of a tree made by
   * `plantSentinel`, of at most 100 bytes.
   */
  readonly layers: (sentinel: string) => readonly Uint8Array[]
  readonly expect: Expectation
  /** What of the sentinel tree an extractor without defences changes, by its path there. Absent: nothing. */
  readonly escapes?: string
}

/**
 * `contained`: accepted, and nothing outside the root changes. `tree`: accepted, and what an independent reader of the
 * same layers says comes of them. The attacks that are contained give the reader's tree, too.
 */
export type Expectation = 'contained' | 'tree' | { readonly refused: ErrorCode }

/** Cases by name, in short. */
export type Table = Readonly<Record<string, Row>>

export type Row = Omit<CorpusCase, 'name'>

export function casesOf(table: Table): CorpusCase[] {
  return Object.entries(table).map(([name, row]) => ({ name, ...row }))
}

/** An attack of one layer that changes `escapes` where nobody stops it. */
export function attack(escapes: string, parts: (sentinel: string) => readonly Uint8Array[]): Row {
  return { layers: sentinel => [tarOf(...parts(sentinel))], expect: 'contained', escapes }
}

/** An attack of several layers. */
export function attackOf(escapes: string, layers: (sentinel: string) => readonly (readonly Uint8Array[])[]): Row {
  return { layers: sentinel => layers(sentinel).map(parts => tarOf(...parts)), expect: 'contained', escapes }
}

/** Suspicious, and harmless even without defences. */
export function harmless(...layers: readonly (readonly Uint8Array[])[]): Row {
  return { layers: () => layers.map(parts => tarOf(...parts)), expect: 'contained' }
}

export function refused(code: ErrorCode, ...parts: readonly Uint8Array[]): Row {
  return { layers: () => [tarOf(...parts)], expect: { refused: code } }
}

/** Refused, whatever the bytes are packed as. */
export function refusedBytes(code: ErrorCode, bytes: () => Uint8Array): Row {
  return { layers: () => [bytes()], expect: { refused: code } }
}

export function valid(...layers: readonly (readonly Uint8Array[])[]): Row {
  return { layers: () => layers.map(parts => tarOf(...parts)), expect: 'tree' }
}

export function validBytes(...layers: readonly (() => Uint8Array)[]): Row {
  return { layers: () => layers.map(bytes => bytes()), expect: 'tree' }
}

/** Parts, then the end mark. */
function tarOf(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}
