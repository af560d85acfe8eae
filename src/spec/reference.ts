import type { Digest } from './digest.ts'

/**
 * Where an image lives: registry host, repository, and a tag, a digest or both.
 *
 * Shape: normalised as Docker does: `alpine` is { host: 'docker.io', repository: 'library/alpine', tag: 'latest' }.
 */
export interface Reference {
  /** Host with its port, when it has one. `docker.io` stands for Docker Hub. */
  readonly host: string
  readonly repository: string
  readonly tag?: string
  readonly digest?: Digest
}
