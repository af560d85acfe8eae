import type { Descriptor } from './descriptor.ts'

/** A list of manifests by platform (Docker's manifest list). */
export interface Index {
  readonly mediaType: string
  readonly manifests: readonly Descriptor[]
  readonly artifactType?: string
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}
