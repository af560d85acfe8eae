import type { Digest } from './digest.ts'
import type { Platform } from './platform.ts'

/** What davit reads of an image's config. The raw bytes stay the identity; unknown members are ignored. */
export interface ImageConfig {
  readonly platform: Platform
  /** Digests of the uncompressed layers, base first. */
  readonly diffIds: readonly Digest[]
  /** How to run it (OCI image-spec v1.1, "Properties", `config`). */
  readonly config: RunConfig
  readonly created?: string
}

export interface RunConfig {
  readonly user?: string
  readonly env?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  readonly workingDir?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly stopSignal?: string
}
