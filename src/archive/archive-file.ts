import type { Digest } from '../spec/digest.ts'

/** A file of an archive to be written: bytes in memory, or a blob of the store, verbatim. */
export interface ArchiveFile {
  /** From the archive's root; `/` between names. */
  readonly path: string
  readonly content: Uint8Array | Digest
}

export function jsonFile(path: string, value: unknown): ArchiveFile {
  return { path, content: Buffer.from(JSON.stringify(value)) }
}
