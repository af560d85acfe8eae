import * as v from 'valibot'
import { type Descriptor, descriptorSchema, textMapSchema } from './descriptor.ts'
import { limited, readDocument } from './document.ts'
import { present } from './present.ts'
import { validate } from './validate.ts'

/** One image: its config and its layers, base first. */
export interface Manifest {
  readonly mediaType: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly artifactType?: string
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** More than any file system stacks; Docker stops at 127. */
const maxLayers = 1_000

const manifestSchema = v.object({
  schemaVersion: v.literal(2),
  config: descriptorSchema,
  layers: v.nullable(v.array(descriptorSchema)),
  artifactType: v.nullish(v.string()),
  subject: v.nullish(descriptorSchema),
  annotations: v.nullish(textMapSchema),
})

/**
 * Reads a manifest, Docker's or OCI's; `mediaType` is the one that it was sent under.
 *
 * Errors: MALFORMED, LIMIT_EXCEEDED (more than 1,000 layers).
 * Source: OCI image-spec v1.1, "Image Manifest"; Docker "Image Manifest Version 2, Schema 2".
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest {
  const document = readDocument(bytes, mediaType, 'manifest')
  const { schemaVersion, layers, ...rest } = validate(manifestSchema, document.value, 'manifest')
  return { mediaType: document.mediaType, ...present(rest), layers: limited(layers ?? [], maxLayers, 'layers') }
}
