import { existsSync } from 'node:fs'
import type { ImageMeter } from '../layer/quota.ts'
import { indexLayer, type LayerFiles } from '../rootfs/index-layer.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { Workers } from '../system/workers.ts'
import type { Layer } from './image.ts'

/** Makes the index of a layer whose tar is in the store, unless it has one. Errors: those of the tar reader. */
export async function indexTar(
  { workers, meter }: { readonly workers: Workers; readonly meter: ImageMeter },
  files: LayerFiles,
  signal: AbortSignal,
): Promise<void> {
  if (existsSync(files.index)) return
  const args = { ...files, allowance: meter.allowance() }
  meter.add(await workers.run(indexLayer, args, { signal }).result)
}

/** The file of a layer's tar. */
export async function pathOf(store: ContentStore, { diffId }: Layer): Promise<string> {
  const reader = await store.open(diffId)
  await reader.close()
  if (reader.path === undefined) throw new TypeError('Tars can be read from a store of files alone')
  return reader.path
}
