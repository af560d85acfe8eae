import * as v from 'valibot'
import { digestSchema } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { limited, readDocument } from './document.ts'
import { malformed, parseJson } from './json.ts'
import { validate } from './validate.ts'

/** A manifest of schema 1: the image as a pile of layers, each with its own config in the manner of Docker's first images. */
export interface Schema1 {
  readonly architecture?: string
  /** Base first, each once. Never empty. */
  readonly layers: readonly Schema1Layer[]
}

export interface Schema1Layer {
  readonly blob: Digest
  /** The step changed no file; its blob is not to be applied. */
  readonly isThrowaway: boolean
  /** How the layer came about. */
  readonly history: Schema1History
  /** The whole config as of this layer, as it was read. */
  readonly config: Readonly<Record<string, unknown>>
}

export interface Schema1History {
  readonly created?: string
  readonly author?: string
  readonly comment?: string
  readonly command: readonly string[]
}

/** As many as other manifests may have. */
const maxLayers = 1_000

const manifestSchema = v.object({
  schemaVersion: v.literal(1),
  architecture: v.nullish(v.string()),
  fsLayers: v.array(v.object({ blobSum: digestSchema })),
  history: v.array(v.object({ v1Compatibility: v.string() })),
})

const idSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'is not an image ID'))

const compatibilitySchema = v.object({
  id: idSchema,
  parent: v.nullish(v.union([v.literal(''), idSchema])),
  created: v.nullish(v.string()),
  author: v.nullish(v.string()),
  comment: v.nullish(v.string()),
  throwaway: v.nullish(v.boolean()),
  container_config: v.nullish(v.object({ Cmd: v.nullish(v.union([v.string(), v.array(v.string())])) })),
})

type Compatibility = v.InferOutput<typeof compatibilitySchema>

/**
 * Reads a manifest of schema 1, or the payload of a signed one. What stands there newest first comes base first, and a
 * layer that is listed several times in a row comes once, as Docker took it.
 *
 * Errors: MALFORMED: also when layers and history don't go together, or the layers' parents don't make a chain;
 *         LIMIT_EXCEEDED (more than 1,000 layers).
 * Source: Docker "Image Manifest Version 2, Schema 1"; "Docker Image Specification v1.0"; Docker 1.9–25, `fixManifestLayers`.
 */
export function parseSchema1(payload: Uint8Array, mediaType?: string): Schema1 {
  const what = 'schema 1 manifest'
  const { value } = readDocument(payload, mediaType, what)
  const { architecture, fsLayers, history } = validate(manifestSchema, value, what)
  limited(fsLayers, maxLayers, 'layers')
  if (fsLayers.length !== history.length)
    throw malformed(what, `it has ${fsLayers.length} layers and the history of ${history.length}`)
  const steps = history.map(({ v1Compatibility }, at) => readStep(v1Compatibility, fsLayers[at]?.blobSum)).toReversed()
  const layers = chained(steps).map(({ layer }) => layer)
  if (layers.length === 0) throw malformed(what, 'it has no layers')
  return { ...(architecture ? { architecture } : {}), layers }
}

interface Step {
  readonly id: string
  readonly parent: string
  readonly layer: Schema1Layer
}

function readStep(text: string, blob: Digest | undefined): Step {
  const what = 'v1Compatibility of a schema 1 manifest'
  const value = parseJson(Buffer.from(text), what)
  const step = validate(compatibilitySchema, value, what)
  if (blob === undefined) throw malformed(what, 'it belongs to no layer')
  const layer = {
    blob,
    isThrowaway: step.throwaway ?? false,
    history: historyOf(step),
    config: value as Record<string, unknown>, // the schema has found an object
  }
  return { id: step.id, parent: step.parent ?? '', layer }
}

function historyOf({ created, author, comment, container_config }: Compatibility): Schema1History {
  const command = container_config?.Cmd ?? []
  return {
    ...(created ? { created } : {}),
    ...(author ? { author } : {}),
    ...(comment ? { comment } : {}),
    command: typeof command === 'string' ? [command] : command,
  }
}

/** Each step once; every one must stand on the one below it. */
function chained(steps: readonly Step[]): readonly Step[] {
  const kept: Step[] = []
  const seen = new Set<string>()
  for (const step of steps) {
    const below = kept.at(-1)?.id ?? ''
    if (step.id === below) continue
    if (seen.has(step.id)) throw malformed('schema 1 manifest', `layer ${step.id} comes twice, with others between`)
    if (step.parent !== below)
      throw malformed(
        'schema 1 manifest',
        `layer ${step.id} stands on ${step.parent || 'nothing'}, not on ${below || 'nothing'}`,
      )
    seen.add(step.id)
    kept.push(step)
  }
  return kept
}
