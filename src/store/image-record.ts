import * as v from 'valibot'
import { descriptorSchema, digestSchema, platformEntries, platformOf } from '../spec/descriptor.ts'
import { malformed, parseJson } from '../spec/json.ts'
import type { Platform } from '../spec/platform.ts'
import { present } from '../spec/present.ts'
import { validate } from '../spec/validate.ts'
import { formatChecked, isChecked } from './checksum.ts'
import { descriptorJson, platformJson } from './descriptor-json.ts'
import type { ImageRecord } from './images.ts'

const timeSchema = v.pipe(v.string(), v.isoTimestamp())

const platformSchema = v.pipe(
  v.object(platformEntries),
  v.transform(platformOf),
  v.custom<Platform>(platform => platform !== undefined, 'names no platform'),
)

const recordSchema = v.pipe(
  v.object({
    reference: v.string(),
    platform: platformSchema,
    manifest: descriptorSchema,
    target: descriptorSchema,
    chainId: v.optional(digestSchema),
    snapshotter: v.optional(v.string()),
    size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  }),
  v.transform(present),
)

/** Errors: MALFORMED. */
export function parseImageRecord(bytes: Uint8Array, path: string): ImageRecord {
  const record = parseJson(bytes, path)
  if (!isChecked(record)) throw malformed(path, 'its checksum differs')
  return validate(recordSchema, record, path)
}

export function formatImageRecord({ platform, manifest, target, ...rest }: ImageRecord): string {
  const record = {
    ...rest,
    platform: platformJson(platform),
    manifest: descriptorJson(manifest),
    target: descriptorJson(target),
  }
  return formatChecked(record)
}
