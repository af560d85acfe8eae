import { ImageError } from '../../errors.ts'
import { maxDocumentBytes } from '../../spec/json.ts'
import { downloadRange, type FileRange } from './file-range.ts'

/** The files of a layout or an archive. */
export interface Files {
  /** What they are in, for errors to name. */
  readonly path: string
  /**
   * Opens the file of this name: `/` between names, none of them `.`, `..` or empty. The caller closes it.
   *
   * Errors: UNSAFE, MALFORMED for what is no plain file.
   */
  open(name: string): Promise<FileRange | undefined>
}

/**
 * A whole small file.
 *
 * Errors: NOT_FOUND; LIMIT_EXCEEDED above 4 MiB; those of `open`.
 */
export async function readDocument(files: Files, name: string): Promise<Uint8Array> {
  const range = await files.open(name)
  if (range === undefined) {
    throw new ImageError('NOT_FOUND', `Cannot read ${files.path}: it has no ${name}`, { what: 'file', name })
  }
  if (range.size > maxDocumentBytes) {
    range.close()
    const details = { limit: 'document bytes', max: maxDocumentBytes, actual: range.size }
    throw new ImageError('LIMIT_EXCEEDED', `Cannot read ${name} in ${files.path}: it has more than 4 MiB`, details)
  }
  const pieces: Uint8Array[] = []
  for await (const piece of downloadRange(range)) pieces.push(piece)
  return Buffer.concat(pieces)
}
