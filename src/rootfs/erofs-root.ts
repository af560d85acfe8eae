import { closeSync, constants, openSync } from 'node:fs'
import { mergeLayers } from '../layer/merge.ts'
import { InodeCursor } from '../layer/tree.ts'
import { unpackXattrs } from '../layer/xattr-set.ts'
import { openSys } from '../system/sys/linux.ts'
import type { Task } from '../system/workers.ts'
import { AttributeWriter } from './extract/attributes.ts'
import { type LayerFiles, loadIndex } from './index-layer.ts'

export interface RootArgs {
  /** An empty directory, made with {@link ROOT_MODE}. */
  readonly path: string
  readonly layers: readonly LayerFiles[]
}

export const ROOT_MODE = 0o700

/**
 * Gives a directory the attributes that the root of these layers has: laid over their image, it is the root that people
 * see. Answers what could not be kept.
 */
export const copyRoot: Task<RootArgs, never, never, readonly string[]> = {
  module: import.meta.url,
  name: copyRootTask.name,
}

export async function copyRootTask({ path, layers }: RootArgs): Promise<readonly string[]> {
  const { uid, gid, mode, seconds, nanoseconds, packedXattrs } = new InodeCursor(
    mergeLayers(layers.map(layer => loadIndex(layer))),
  )
  const losses: string[] = []
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    const wanted = { uid, gid, mode, seconds, nanoseconds, xattrs: unpackXattrs(packedXattrs) }
    new AttributeWriter(openSys(), loss => losses.push(loss)).file(fd, wanted, ROOT_MODE)
  } finally {
    closeSync(fd)
  }
  return losses
}
