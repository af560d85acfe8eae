import { ImageError } from '../../errors.ts'
import { parseConfig } from '../../spec/config.ts'
import type { Digest } from '../../spec/digest.ts'
import { parseManifest } from '../../spec/manifest.ts'
import { readBlob } from '../content/read.ts'
import type { BlobInfo, ContentStore, Labels } from '../content/store.ts'
import type { ImageRecord, ImageStore } from '../images.ts'
import type { Leases } from '../leases.ts'
import type { Node } from './mark.ts'
import { isRoot, refs } from './refs.ts'

/** Everything that holds something, or can be held. */
export interface Collectable {
  readonly store: ContentStore
  readonly images: ImageStore
  readonly leases: Leases
  readonly snapshotters: readonly CollectableSnapshots[]
}

/** What collecting asks of a snapshotter. */
export interface CollectableSnapshots {
  readonly name: string
  walk(): AsyncIterable<{ readonly key: string; readonly parent?: string; readonly labels: Labels }>
  usage(key: string): Promise<{ readonly size: number }>
  /** Errors: NOT_FOUND; IN_USE when it has children or is mounted. */
  remove(key: string): Promise<void>
  cleanup(): Promise<number>
}

/** What is there, what leads to what, and where life begins. */
export interface Graph {
  readonly blobs: ReadonlyMap<Node, BlobInfo>
  readonly snapshots: ReadonlyMap<Node, Snapshot>
  readonly edges: ReadonlyMap<Node, readonly Node[]>
  readonly roots: ReadonlySet<Node>
}

export interface Snapshot {
  readonly snapshotter: CollectableSnapshots
  readonly key: string
  readonly parent: Node | undefined
}

export async function survey({ store, images, leases, snapshotters }: Collectable): Promise<Graph> {
  const blobs = new Map<Node, BlobInfo>()
  const snapshots = new Map<Node, Snapshot>()
  const edges = new Map<Node, readonly Node[]>()
  const roots = new Set<Node>()

  for (const { kind, id } of await leases.live()) roots.add(kind === 'content' ? `content:${id}` : snapshotNode(id))
  for await (const blob of store.walk()) {
    const node: Node = `content:${blob.digest}`
    blobs.set(node, blob)
    edges.set(node, refs(blob.labels))
    if (isRoot(blob.labels)) roots.add(node)
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
  for await (const image of images.walk()) {
    for (const node of await rootsOf(store, image, digest => blobs.has(`content:${digest}`))) roots.add(node)
  }
  return { blobs, snapshots, edges, roots }
}

type IsHere = (digest: Digest) => boolean

/** The manifest says itself what it needs, so that lost labels don't cost an image its layers. */
async function rootsOf(store: ContentStore, image: ImageRecord, isHere: IsHere): Promise<readonly Node[]> {
  const { manifest, target, chainId, snapshotter } = image
  const content = [manifest.digest, target.digest, ...(await childrenOf(store, image, isHere))]
  const nodes = content.map((digest): Node => `content:${digest}`)
  return chainId === undefined || snapshotter === undefined
    ? nodes
    : [...nodes, snapshotNode(`${snapshotter}/${chainId}`)]
}

/** Config and layers; of a layer that isn't here the tar, which may have been kept in its place. */
async function childrenOf(
  store: ContentStore,
  { manifest: { digest, mediaType } }: ImageRecord,
  isHere: IsHere,
): Promise<readonly Digest[]> {
  const children: Digest[] = []
  try {
    const { config, layers } = parseManifest(await readBlob(store, digest), mediaType)
    children.push(config.digest, ...layers.map(layer => layer.digest))
    if (layers.every(layer => isHere(layer.digest))) return children
    const { diffIds } = parseConfig(await readBlob(store, config.digest))
    return [...children, ...diffIds.filter((_, at) => layers[at] !== undefined && !isHere(layers[at].digest))]
  } catch (error) {
    // A missing or broken document holds nothing; whoever verifies the store says so.
    if (error instanceof ImageError) return children
    throw error
  }
}

/** `id`: `<snapshotter>/<key>`. */
function snapshotNode(id: string): Node {
  return `snapshot:${id}`
}
