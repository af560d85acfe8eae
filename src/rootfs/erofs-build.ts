import { closeSync, fsyncSync, openSync, readSync, rmSync } from 'node:fs'
import { mergeLayers } from '../layer/merge.ts'
import { diskError } from '../system/disk-error.ts'
import { writeAll } from '../system/files.ts'
import type { Task } from '../system/workers.ts'
import { writeErofs } from './erofs/writer.ts'
import { type LayerFiles, loadIndex } from './index-layer.ts'
import { Tars } from './tars.ts'

export interface ImageArgs {
  readonly path: string
  readonly layers: readonly (LayerFiles & { readonly tag: string })[]
  /** 16 bytes that name the image. */
  readonly uuid: Uint8Array
}

export interface BuildArgs extends ImageArgs {
  readonly durable: boolean
}

/** Merges layers and writes the EROFS image of the result to a file, on disk when the task ends if it is to be durable. */
export const buildImage: Task<BuildArgs, never, never, void> = { module: import.meta.url, name: buildImageTask.name }

export async function buildImageTask({ path, durable, ...image }: BuildArgs): Promise<void> {
  // Of a run that broke off: it can't be written, not even by its owner.
  rmSync(path, { force: true })
  const fd = openSync(path, 'wx', 0o444)
  try {
    for (const piece of piecesOf(image, { keepIndexes: true })) writeAll(fd, piece)
    if (durable) fsyncSync(fd)
  } catch (error) {
    throw diskError(error, path)
  } finally {
    closeSync(fd)
  }
}

/** Whether the file at a path is the image that these layers make, byte for byte. Changes nothing. */
export const isImageOf: Task<ImageArgs, never, never, boolean> = { module: import.meta.url, name: isImageOfTask.name }

export async function isImageOfTask({ path, ...image }: ImageArgs): Promise<boolean> {
  const fd = openSync(path, 'r')
  try {
    for (const piece of piecesOf(image, { keepIndexes: false })) {
      const found = Buffer.alloc(piece.length)
      if (readSync(fd, found) < piece.length || !found.equals(piece)) return false
    }
    return readSync(fd, Buffer.alloc(1)) === 0
  } finally {
    closeSync(fd)
  }
}

function* piecesOf(
  { layers, uuid }: Omit<ImageArgs, 'path'>,
  { keepIndexes: keep }: { readonly keepIndexes: boolean },
): Generator<Uint8Array> {
  const tree = mergeLayers(layers.map(layer => loadIndex(layer, { keep })))
  const tars = new Tars(layers.map(({ tar }) => tar))
  const readTar = (layer: number, offset: number, length: number) => tars.read(layer, offset, length)
  try {
    yield* writeErofs(tree, { tags: layers.map(layer => layer.tag), uuid, readTar })
  } finally {
    tars.close()
  }
}
