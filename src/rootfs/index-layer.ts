import { closeSync, readSync } from 'node:fs'
import { ImageError } from '../errors.ts'
import { IndexBuilder } from '../layer/index-builder.ts'
import { decodeIndex, encodeIndex } from '../layer/index-format.ts'
import type { LayerIndex } from '../layer/layer-index.ts'
import { type Allowance, type Amount, LayerMeter } from '../layer/quota.ts'
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
 * The index of a layer: as it is stored, else made from the tar and, unless told otherwise or in a jail, stored. For
 * workers: it reads the whole tar then.
 *
 * Errors: those of `TarReader` and `IndexBuilder`; what the disk says.
 */
export function loadIndex({ tar, index }: LayerFiles, { keep = !isJailed() } = {}): LayerIndex {
  const stored = readLayerIndex(index)
  if (stored !== undefined) {
    try {
      return decodeIndex(stored)
    } catch (error) {
      // Older, or damaged: the tar knows.
      if (!(error instanceof ImageError)) throw error
    }
  }
  const { layer } = indexTar(tar)
  if (keep) writeLayerIndex(index, encodeIndex(layer))
  return layer
}

export interface IndexArgs extends LayerFiles {
  readonly allowance: Allowance
}

/**
 * Makes the index of a layer whose tar is there, and stores it. Answers what the layer came to.
 *
 * Errors: as {@link loadIndex}; LIMIT_EXCEEDED by its allowance.
 */
export const indexLayer: Task<IndexArgs, never, never, Amount> = { module: import.meta.url, name: indexLayerTask.name }

export async function indexLayerTask({ tar, index, allowance }: IndexArgs): Promise<Amount> {
  const { layer, amount } = indexTar(tar, allowance)
  writeLayerIndex(index, encodeIndex(layer))
  return amount
}

/** Whether the file at a path is the index of a layer, whole and of this version. */
export const checkLayerIndex: Task<string, never, never, boolean> = {
  module: import.meta.url,
  name: checkLayerIndexTask.name,
}

export async function checkLayerIndexTask(path: string): Promise<boolean> {
  const stored = readLayerIndex(path)
  if (stored === undefined) return true
  try {
    decodeIndex(stored)
    return true
  } catch (error) {
    if (error instanceof ImageError) return false
    throw error
  }
}

function indexTar(path: string, allowance?: Allowance): { readonly layer: LayerIndex; readonly amount: Amount } {
  const builder = new IndexBuilder()
  const meter = new LayerMeter(allowance)
  const reader = new TarReader(meter.sink(builder))
  const buffer = Buffer.allocUnsafeSlow(readBytes)
  const fd = openHostFile(path)
  try {
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      meter.stored(length)
      reader.push(buffer.subarray(0, length))
    }
    reader.end()
  } finally {
    closeSync(fd)
  }
  return { layer: builder.finish(), amount: { bytes: reader.offset, entries: reader.entries } }
}
