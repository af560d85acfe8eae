import * as v from 'valibot'
import { type Descriptor, descriptorSchema, textMapSchema } from './descriptor.ts'
import { limited, readDocument } from './document.ts'
import { present } from './present.ts'
import { validate } from './validate.ts'

/** A list of manifests by platform (Docker's manifest list). */
export interface Index {
  readonly mediaType: string
  readonly manifests: readonly Descriptor[]
  readonly artifactType?: string
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** Platforms times attestations come to a few dozen. */
const maxManifests = 1_000

const indexSchema = v.object({
  schemaVersion: v.literal(2),
  manifests: v.nullable(v.array(descriptorSchema)),
  artifactType: v.nullish(v.string()),
  subject: v.nullish(descriptorSchema),
  annotations: v.nullish(textMapSchema),
})

/**
 * Reads an index or a Docker manifest list; `mediaType` is the one that it was sent under.
 *
 * Errors: MALFORMED, LIMIT_EXCEEDED (more than 1,000 descriptors).
 * Source: OCI image-spec v1.1, "Image Index"; Docker "Image Manifest Version 2, Schema 2", "Manifest List".
 */
export function parseIndex(bytes: Uint8Array, mediaType?: string): Index {
  const document = readDocument(bytes, mediaType, 'index')
  const { schemaVersion, manifests, ...rest } = validate(indexSchema, document.value, 'index')
  const entries = limited(manifests ?? [], maxManifests, 'manifests')
  return { mediaType: document.mediaType, ...present(rest), manifests: entries }
}
