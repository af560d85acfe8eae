import { readFileSync } from 'node:fs'
import { errnoOf } from '../errors.ts'
import { writeFileDurably } from '../system/files.ts'

/**
 * The stored index of a layer, by its path (`Layout.index`); undefined when there is none. The bytes carry their own
 * version and checksum: whoever decodes them makes a new one from the tar when they are no good.
 */
export function readLayerIndex(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

export function writeLayerIndex(path: string, index: readonly Uint8Array[]): void {
  writeFileDurably(path, index)
}
