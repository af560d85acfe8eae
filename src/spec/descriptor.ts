import * as v from 'valibot'
import { type Digest, isDigest } from './digest.ts'
import type { Platform } from './platform.ts'
import { present } from './present.ts'

/**
 * Names bytes: what they are, their digest as stored, their size in bytes.
 *
 * Source: OCI image-spec v1.1, "Content Descriptors".
 */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly urls?: readonly string[]
  readonly annotations?: Readonly<Record<string, string>>
  /** The content itself, decoded from base64, unverified. */
  readonly data?: Uint8Array
  readonly platform?: Platform
  readonly artifactType?: string
}

export const digestSchema = v.custom<Digest>(isDigest, 'is not a sha256 or sha512 digest in lower case')

/** Free text by free key: annotations, labels. */
export const textMapSchema = v.record(v.string(), v.string())

const sizeSchema = v.custom<number>(
  size => typeof size === 'number' && Number.isSafeInteger(size) && size >= 0,
  'is not a whole number of bytes',
)

/** Base64 in its one canonical spelling. */
const dataSchema = v.pipe(
  v.string(),
  v.check(text => Buffer.from(text, 'base64').toString('base64') === text, 'is not base64'),
  v.transform(text => new Uint8Array(Buffer.from(text, 'base64'))),
)

/** Members of a platform as documents write them. */
export const platformEntries = {
  os: v.nullish(v.string()),
  architecture: v.nullish(v.string()),
  variant: v.nullish(v.string()),
  'os.version': v.nullish(v.string()),
  'os.features': v.nullish(v.array(v.string())),
}

/** The platform that those members tell; undefined unless they name both an operating system and an architecture. */
export function platformOf(
  raw: v.InferOutput<v.ObjectSchema<typeof platformEntries, undefined>>,
): Platform | undefined {
  if (!raw.os || !raw.architecture) return undefined
  return present({
    os: raw.os,
    architecture: raw.architecture,
    variant: raw.variant || undefined,
    osVersion: raw['os.version'] || undefined,
    osFeatures: raw['os.features'],
  })
}

/**
 * Reads a descriptor. A `platform` that names only half of one counts as none: the config then tells.
 *
 * Source: OCI image-spec v1.1, "Content Descriptors", "Image Index"; nulls stand for absent members, as Go writes them.
 */
export const descriptorSchema: v.GenericSchema<unknown, Descriptor> = v.pipe(
  v.object({
    mediaType: v.pipe(v.string(), v.minLength(1, 'is empty')),
    digest: digestSchema,
    size: sizeSchema,
    urls: v.nullish(v.array(v.string())),
    annotations: v.nullish(textMapSchema),
    data: v.nullish(dataSchema),
    platform: v.nullish(v.object(platformEntries)),
    artifactType: v.nullish(v.string()),
  }),
  v.transform(raw => present({ ...raw, platform: raw.platform ? platformOf(raw.platform) : undefined })),
  v.check(({ data, size }) => data === undefined || data.length === size, 'has data of another length than its size'),
)
