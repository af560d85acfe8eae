import { closeSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { errnoOf } from '../errors.ts'

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

/** Writes an index, in pieces, whole or not at all. Not synced: after a power cut it may have to be made again. */
export function writeLayerIndex(path: string, pieces: readonly Uint8Array[]): void {
  const staging = `${path}.${process.pid}.new`
  const fd = openSync(staging, 'w', 0o600)
  try {
    for (const bytes of pieces) {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    }
  } finally {
    closeSync(fd)
  }
  renameSync(staging, path)
}
