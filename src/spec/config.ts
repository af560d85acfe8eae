import * as v from 'valibot'
import { digestSchema, platformEntries, platformOf, textMapSchema } from './descriptor.ts'
import type { Digest } from './digest.ts'
import { limited } from './document.ts'
import { malformed, parseJson } from './json.ts'
import type { Platform } from './platform.ts'
import { present } from './present.ts'
import { validate } from './validate.ts'

/** What davit reads of an image's config. The raw bytes stay the identity; unknown members are ignored. */
export interface ImageConfig {
  readonly platform: Platform
  /** Digests of the uncompressed layers, base first. */
  readonly diffIds: readonly Digest[]
  /** How to run it (OCI image-spec v1.1, "Properties", `config`). */
  readonly config: RunConfig
  readonly created?: string
  readonly author?: string
}

export interface RunConfig {
  readonly user?: string
  readonly env?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly cmd?: readonly string[]
  readonly workingDir?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly stopSignal?: string
  /** Directories for data that is no part of the image. */
  readonly volumes?: readonly string[]
  /** `80/tcp` and the like. */
  readonly exposedPorts?: readonly string[]
}

/** As many as a manifest may have layers. */
const maxDiffIds = 1_000

/** Docker once wrote a command of one word as a plain string. */
const wordsSchema = v.union([
  v.array(v.string()),
  v.pipe(
    v.string(),
    v.transform(word => [word]),
  ),
])

/** A set as Go writes it: the keys of a map to nothing. */
const setSchema = v.pipe(
  v.record(v.string(), v.unknown()),
  v.transform(set => Object.keys(set)),
)

const runSchema = v.object({
  User: v.nullish(v.string()),
  Env: v.nullish(v.array(v.string())),
  Entrypoint: v.nullish(wordsSchema),
  Cmd: v.nullish(wordsSchema),
  WorkingDir: v.nullish(v.string()),
  Labels: v.nullish(textMapSchema),
  StopSignal: v.nullish(v.string()),
  Volumes: v.nullish(setSchema),
  ExposedPorts: v.nullish(setSchema),
})

const configSchema = v.object({
  ...platformEntries,
  created: v.nullish(v.string()),
  author: v.nullish(v.string()),
  rootfs: v.object({ type: v.literal('layers'), diff_ids: v.nullish(v.array(digestSchema)) }),
  config: v.nullish(runSchema),
})

/**
 * Reads an image's config, Docker's or OCI's. Nulls and empty texts count as absent, as both write them.
 *
 * Errors: MALFORMED, also when it doesn't name its platform; LIMIT_EXCEEDED (more than 1,000 diff IDs).
 * Source: OCI image-spec v1.1, "Image Configuration".
 */
export function parseConfig(bytes: Uint8Array): ImageConfig {
  const raw = validate(configSchema, parseJson(bytes, 'config'), 'config')
  const platform = platformOf(raw)
  if (platform === undefined) throw malformed('config', `${raw.os ? 'architecture' : 'os'} is missing`)
  return present({
    platform,
    diffIds: limited(raw.rootfs.diff_ids ?? [], maxDiffIds, 'diff IDs'),
    config: runConfig(raw.config ?? {}),
    created: raw.created || undefined,
    author: raw.author || undefined,
  })
}

function runConfig(raw: v.InferOutput<typeof runSchema>): RunConfig {
  return present({
    user: raw.User || undefined,
    env: raw.Env,
    entrypoint: raw.Entrypoint,
    cmd: raw.Cmd,
    workingDir: raw.WorkingDir || undefined,
    labels: raw.Labels,
    stopSignal: raw.StopSignal || undefined,
    volumes: raw.Volumes,
    exposedPorts: raw.ExposedPorts,
  })
}
