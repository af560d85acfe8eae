import type { Digest } from './digest.ts'
import type { Platform } from './platform.ts'

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
