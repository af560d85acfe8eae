import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { errnoOf, ImageError } from '../errors.ts'

/** Docker's own registry, under the address of an API that is long gone: its credentials are kept there still. */
export const hubKey = 'https://index.docker.io/v1/'

const entrySchema = v.object({
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
})

const fileSchema = v.object({
  auths: v.optional(v.record(v.string(), entrySchema), {}),
  credHelpers: v.optional(v.record(v.string(), v.string()), {}),
  credsStore: v.optional(v.string()),
})

export type AuthEntry = v.InferOutput<typeof entrySchema>

/** Docker's `config.json`, as far as it is about credentials; `auth.json` of podman and skopeo has the same form. */
export type AuthFile = v.InferOutput<typeof fileSchema>

/**
 * Reads such a file; undefined for none.
 *
 * Errors: MALFORMED for anything else; the system's.
 * Source: docker/cli, config.json; containers-auth.json(5).
 */
export async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    const value: unknown = text.trim() === '' ? {} : JSON.parse(text)
    const parsed = v.safeParse(fileSchema, value)
    if (parsed.success && !Array.isArray(value)) return parsed.output
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    if (!(error instanceof SyntaxError)) throw error
  }
  // Neither the parser's words nor the schema's: they quote what they don't like, and that may be a password.
  throw malformedAuth(path, 'not a configuration of Docker')
}

/**
 * The keys under which credentials for a registry may be kept, the closest first: for a repository and what is above
 * it, for the registry.
 */
export function keysOf(registry: string, repository = ''): readonly string[] {
  const parts = repository === '' ? [] : repository.split('/')
  const below = parts.map((_, count) => [registry, ...parts.slice(0, parts.length - count)].join('/'))
  return [...below, ...(registry === 'docker.io' ? [hubKey, 'docker.io', 'index.docker.io'] : [registry])]
}

/** The name of the entry for the first of `keys` that there is. Old entries are addresses: `https://ghcr.io/v1/`. */
export function entryNamed({ auths }: AuthFile, keys: readonly string[]): string | undefined {
  const names = new Map(Object.keys(auths).map(name => [withoutAddress(name), name]))
  return keys.find(key => auths[key] !== undefined) ?? keys.map(key => names.get(key)).find(name => name !== undefined)
}

export function malformedAuth(path: string, found: string): ImageError {
  return new ImageError('MALFORMED', `Cannot read credentials from ${path}: ${found}`, { what: path })
}

/** `https://ghcr.io/v1/` → `ghcr.io`. */
export function withoutAddress(name: string): string {
  return name.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '')
}
