import { ImageError } from '../../errors.ts'
import { parseConfig } from '../../spec/config.ts'
import type { Digest } from '../../spec/digest.ts'
import { parseManifest } from '../../spec/manifest.ts'
import { readBlob } from '../content/read.ts'
import type { BlobInfo, ContentStore, Labels } from '../content/store.ts'
import { type ImageRecord, type ImageStore, resourcesOf } from '../images.ts'
import type { Leases, Resource } from '../leases.ts'
import type { Node } from './mark.ts'
import { isRoot, refs } from './refs.ts'

/** Everything that holds something, or can be held. */
export interface Collectable {
  readonly store: ContentStore
  readonly images: ImageStore
  readonly leases: Leases
  readonly snapshotters: readonly CollectableSnapshots[]
  /** Bytes of the layer index of a blob; 0 without one. Only tars have indexes. */
  readonly indexSize?: (digest: Digest) => number
}

/** What collecting asks of a snapshotter. */
export interface CollectableSnapshots {
  readonly name: string
  walk(): AsyncIterable<{ readonly key: string } & Ties>
  /** Errors: NOT_FOUND. */
  stat(key: string): Promise<Ties>
  usage(key: string): Promise<{ readonly size: number }>
  /** Takes it out of sight; calling what it answers frees its space. Errors: NOT_FOUND; IN_USE when it has children or is mounted. */
  discard(key: string): Promise<() => Promise<void>>
  cleanup(): Promise<number>
}

/** What ties a snapshot to what it needs. */
export interface Ties {
  readonly parent?: string
  readonly labels: Labels
}

/** What is there, what leads to what, and where life begins. */
export interface Graph {
  readonly blobs: ReadonlyMap<Node, BlobInfo>
  readonly snapshots: ReadonlyMap<Node, Snapshot>
  /** Labels whose blobs aren't here. */
  readonly orphans: ReadonlyMap<Node, Digest>
  readonly edges: ReadonlyMap<Node, readonly Node[]>
  readonly roots: ReadonlySet<Node>
  /** The roots that a lease or an image asks for; the others are rooted by labels of their own. */
  readonly claimed: ReadonlySet<Node>
  /** The roots that a lease or a label of their own asks for, whatever images do. */
  readonly held: ReadonlySet<Node>
  /** What each image record asks for. */
  readonly byImage: ReadonlyMap<ImageRecord, readonly Node[]>
}

export interface Snapshot {
  readonly snapshotter: CollectableSnapshots
  readonly key: string
  readonly parent: Node | undefined
}

/**
 * Looks at everything once, leases first and images last: a lease that ends on the way has left an image. What others do
 * meanwhile may be seen or not.
 */
export async function survey({ store, images, leases, snapshotters }: Collectable): Promise<Graph> {
  const blobs = new Map<Node, BlobInfo>()
  const snapshots = new Map<Node, Snapshot>()
  const edges = new Map<Node, readonly Node[]>()
  const roots = new Set<Node>()
  const claimed = new Set<Node>()
  const byImage = new Map<ImageRecord, readonly Node[]>()

  for (const resource of await leases.live()) claimed.add(nodeOf(resource))
  for await (const blob of store.walk()) {
    const node: Node = `content:${blob.digest}`
    blobs.set(node, blob)
    edges.set(node, refs(blob.labels))
    if (isRoot(blob.labels)) roots.add(node)
  }
  const orphans = new Map<Node, Digest>()
  for await (const { digest, labels } of store.orphans()) {
    // Labels come first, then the blob: a root in the making stays one.
    if (!isRoot(labels)) orphans.set(`content:${digest}`, digest)
  }
  for (const snapshotter of snapshotters) {
    for await (const { key, parent: parentKey, labels } of snapshotter.walk()) {
      const node = snapshotNode(`${snapshotter.name}/${key}`)
      const parent = parentKey === undefined ? undefined : snapshotNode(`${snapshotter.name}/${parentKey}`)
      snapshots.set(node, { snapshotter, key, parent })
      edges.set(node, parent === undefined ? refs(labels) : [...refs(labels), parent])
      if (isRoot(labels)) roots.add(node)
    }
  }
  const held = new Set([...claimed, ...roots])
  for await (const image of images.walk()) {
    const isHere = (digest: Digest) => blobs.has(`content:${digest}`)
    // The manifest says itself what it needs, so that lost labels don't cost an image its layers.
    const children = (await childrenOf(store, image, isHere)).map((digest): Node => `content:${digest}`)
    const own = [...resourcesOf(image).map(nodeOf), ...children]
    byImage.set(image, own)
    for (const node of own) claimed.add(node)
  }
  for (const node of claimed) roots.add(node)
  return { blobs, snapshots, orphans, edges, roots, claimed, held, byImage }
}

type IsHere = (digest: Digest) => boolean

/** Config and layers; of a layer that isn't here the tar, which may have been kept in its place. */
async function childrenOf(
  store: ContentStore,
  { manifest: { digest, mediaType } }: ImageRecord,
  isHere: IsHere,
): Promise<readonly Digest[]> {
  const children = await readOr([], async () => {
    const { config, layers } = parseManifest(await readBlob(store, digest), mediaType)
    return [config.digest, ...layers.map(layer => layer.digest)]
  })
  const [config, ...layers] = children
  if (config === undefined || layers.every(isHere)) return children
  const diffIds = await readOr([], async () => parseConfig(await readBlob(store, config)).diffIds)
  return [...children, ...diffIds.filter((_, at) => layers[at] !== undefined && !isHere(layers[at]))]
}

/** A missing or broken document holds nothing; whoever verifies the store says so. */
async function readOr<T>(nothing: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof ImageError) return nothing
    throw error
  }
}

/** Of a lease's resource. */
export function nodeOf({ kind, id }: Resource): Node {
  return kind === 'content' ? `content:${id}` : snapshotNode(id)
}

/** `id`: `<snapshotter>/<key>`. */
function snapshotNode(id: string): Node {
  return `snapshot:${id}`
}
