import { ImageMeter } from '../layer/quota.ts'
import type { StoredLayer } from '../rootfs/image-tree.ts'
import { type ContentStore, isIngest } from '../store/content/store.ts'
import { Group } from '../system/group.ts'
import { ingestKey } from './fetch.ts'
import type { Layer } from './image.ts'
import { indexTar, pathOf } from './index-tar.ts'
import type { Keep } from './keep.ts'
import { bytesOf } from './layer-bytes.ts'
import { proveTar, UNCOMPRESSED } from './prove-tar.ts'
import { MAX_LAYERS_IN_FLIGHT, Turns } from './schedule.ts'
import { inflate, type LayerPlace } from './store-layer.ts'

export interface TarParts extends LayerPlace {
  readonly contentStore: ContentStore
  readonly keep: Keep
}

/**
 * Sees to it that the tars of an image that is here, and their indexes, are here too: what the image's snapshotter had
 * no use for is made from the compressed blobs. Answers where they are, base first.
 *
 * Errors: NOT_FOUND: neither blob nor tar of a layer is here; those of the decompressor and the tar reader;
 * DIGEST_MISMATCH.
 */
export async function bringTars(
  parts: TarParts,
  layers: readonly Layer[],
  { signal }: { readonly signal: AbortSignal },
): Promise<readonly StoredLayer[]> {
  const group = new Group(signal)
  const turns = new Turns(MAX_LAYERS_IN_FLIGHT, group.signal)
  const metered = { ...parts, meter: new ImageMeter() }
  const brought = layers.map(layer => group.run(() => turns.take(() => bringTar(metered, layer, group.signal))))
  await group.wait()
  return Promise.all(brought)
}

async function bringTar(
  parts: TarParts & { readonly meter: ImageMeter },
  layer: Layer,
  signal: AbortSignal,
): Promise<StoredLayer> {
  const { contentStore, keep } = parts
  const { diffId } = layer
  await keep.hold({ kind: 'content', id: diffId })
  const want = { digest: diffId }
  const ingest = await contentStore.ingest(ingestKey(want), want, { signal })
  if (isIngest(ingest)) {
    try {
      if (ingest.offset > 0) await ingest.reset()
      const { tar } = await inflate(parts, layer, { tar: ingest, signal, onUnpacked: () => {} })
      await ingest.commit(keep.labels, tar)
      await contentStore.label(layer.blob.digest, { [UNCOMPRESSED]: diffId })
    } catch (error) {
      await ingest.abort()
      throw error
    }
  } else if ((await bytesOf(contentStore, layer)).digest !== diffId) {
    await proveTar(parts, layer, signal)
  }
  const files = { tar: await pathOf(contentStore, layer), index: parts.index(diffId) }
  await indexTar(parts, files, signal)
  return { diffId, ...files }
}
