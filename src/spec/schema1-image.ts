import type { Descriptor } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { mediaTypes } from './media-types.ts'
import type { Schema1, Schema1History } from './schema1.ts'

/** What only a layer's bytes tell. */
export interface LayerFacts {
  readonly blob: Descriptor
  readonly diffId: Digest
  /** Nothing but zeros: an archive that says no more than that it ends. */
  readonly isEmpty: boolean
}

/** What a config of the first kind has, and one of an OCI image hasn't: names and sizes of a layer. */
const ofLayers: ReadonlySet<string> = new Set(['id', 'parent', 'parent_id', 'layer_id', 'Size', 'throwaway'])

/**
 * The config that an image of schema 1 would have: its newest layer's, with the diff IDs and the history of all. The
 * same manifest gives the same bytes. `facts`: by blob, of every layer that isn't throwaway.
 *
 * Source: OCI image-spec v1.1, "Image Configuration"; Docker, `MakeConfigFromV1Config`.
 */
export function configFromSchema1(image: Schema1, facts: ReadonlyMap<Digest, LayerFacts>): Uint8Array {
  const members = Object.entries(image.layers.at(-1)?.config ?? {}).filter(([name]) => !ofLayers.has(name))
  const config = Object.fromEntries(members)
  const history = image.layers.map(layer => ({
    ...historyEntry(layer.history),
    ...(factsOf(layer, facts) === undefined ? { empty_layer: true } : {}),
  }))
  const diffIds = filledLayers(image, facts).map(({ diffId }) => diffId)
  return encode({
    ...config,
    architecture: config['architecture'] || image.architecture,
    // Images of that time that don't say so are Linux's: there were no others.
    os: config['os'] || 'linux',
    rootfs: { type: 'layers', diff_ids: diffIds },
    history,
  })
}

/**
 * The manifest over that config: the layers that have something in them, base first.
 *
 * Source: OCI image-spec v1.1, "Image Manifest".
 */
export function manifestFromSchema1(
  image: Schema1,
  facts: ReadonlyMap<Digest, LayerFacts>,
  config: Pick<Descriptor, 'digest' | 'size'>,
): Uint8Array {
  return encode({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: config.digest, size: config.size },
    layers: filledLayers(image, facts).map(({ blob: { mediaType, digest, size } }) => ({ mediaType, digest, size })),
  })
}

function filledLayers(image: Schema1, facts: ReadonlyMap<Digest, LayerFacts>): readonly LayerFacts[] {
  return image.layers.flatMap(layer => factsOf(layer, facts) ?? [])
}

/** Undefined for a layer that has nothing in it. */
function factsOf(
  { blob, isThrowaway }: Schema1['layers'][number],
  facts: ReadonlyMap<Digest, LayerFacts>,
): LayerFacts | undefined {
  const found = isThrowaway ? undefined : facts.get(blob)
  return found?.isEmpty === false ? found : undefined
}

function historyEntry({ created, author, comment, command }: Schema1History): object {
  return {
    ...(created === undefined ? {} : { created }),
    ...(command.length === 0 ? {} : { created_by: command.join(' ') }),
    ...(author === undefined ? {} : { author }),
    ...(comment === undefined ? {} : { comment }),
  }
}

function encode(document: object): Uint8Array {
  return Buffer.from(JSON.stringify(document))
}
