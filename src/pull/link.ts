import { type Digest, hexOf } from '../spec/digest.ts'
import type { ContentStore } from '../store/content/store.ts'
import { GC_REF_CONTENT, GC_ROOT } from '../store/gc/refs.ts'
import type { Image } from './image.ts'
import type { Job } from './jobs.ts'
import { bytesOf } from './layer-bytes.ts'

/** Hex digits of a digest that make a label's key; two that collide get all of theirs. */
const KEY_DIGITS = 12

/**
 * Leaves only the layers of `image` as roots: each leads to the image's other blobs by labels, which then stop being
 * roots. So an image lives as long as its layers, and those as long as somebody roots them. What was fetched on the way
 * and isn't part of it stops being a root too.
 *
 * A tar that was kept in place of a compressed layer is a layer here. The links come first: between the two steps everything is held twice rather than not at all. An image without layers
 * keeps its roots, since nothing else would hold it.
 */
export async function linkToLayers(store: ContentStore, image: Image, jobs: readonly Job[]): Promise<void> {
  const used = new Set(image.blobs.map(blob => blob.digest))
  await unroot(
    store,
    jobs.map(job => job.descriptor.digest).filter(digest => !used.has(digest)),
  )

  const layers = new Set<Digest>()
  for (const layer of image.layers) layers.add((await bytesOf(store, layer)).digest)
  if (layers.size === 0) return
  const compressed = new Set(image.layers.map(layer => layer.blob.digest))
  const others = [...used].filter(digest => !compressed.has(digest))
  const labels: Record<string, string> = {}
  for (const digest of others) {
    const short = `${GC_REF_CONTENT}.${hexOf(digest).slice(0, KEY_DIGITS)}`
    labels[short in labels ? `${GC_REF_CONTENT}.${hexOf(digest)}` : short] = digest
  }
  for (const layer of layers) await store.label(layer, labels)
  await unroot(store, others)
}

/** Stops holding blobs; the collector takes what nothing else reaches. */
async function unroot(store: ContentStore, digests: readonly Digest[]): Promise<void> {
  for (const digest of digests) await store.label(digest, { [GC_ROOT]: undefined })
}
