import { closeSync, readSync } from 'node:fs'
import { ImageError } from '../errors.ts'
import { IndexBuilder } from '../layer/index-builder.ts'
import { decodeIndex, encodeIndex } from '../layer/index-format.ts'
import type { LayerIndex } from '../layer/layer-index.ts'
import { TarReader } from '../layer/tar/reader.ts'
import { readLayerIndex, writeLayerIndex } from '../store/layer-indexes.ts'
import { isJailed, openHostFile } from '../system/jail.ts'
import type { Task } from '../system/workers.ts'

/** Where one layer lies, uncompressed. */
export interface LayerFiles {
  readonly tar: string
  readonly index: string
}

const readBytes = 2 ** 20

/**
 * The index of a layer: as it is stored, else made from the tar and, but in a jail, stored. For workers: it reads the
 * whole tar then.
 *
 * Errors: those of `TarReader` and `IndexBuilder`; what the disk says.
 */
export function loadIndex({ tar, index }: LayerFiles): LayerIndex {
  const stored = readLayerIndex(index)
  if (stored !== undefined) {
    try {
      return decodeIndex(stored)
    } catch (error) {
      // Older, or damaged: the tar knows.
      if (!(error instanceof ImageError)) throw error
    }
  }
  const made = indexTar(tar)
  if (!isJailed()) writeLayerIndex(index, encodeIndex(made))
  return made
}

/** Makes the index of a layer whose tar is there, and stores it. */
export const indexLayer: Task<LayerFiles, never, never, void> = { module: import.meta.url, name: indexLayerTask.name }

export async function indexLayerTask({ tar, index }: LayerFiles): Promise<void> {
  writeLayerIndex(index, encodeIndex(indexTar(tar)))
}

function indexTar(path: string): LayerIndex {
  const builder = new IndexBuilder()
  const reader = new TarReader(builder)
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const fd = openHostFile(path)
  try {
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      reader.push(buffer.subarray(0, length))
    }
    reader.end()
  } finally {
    closeSync(fd)
  }
  return builder.finish()
}
