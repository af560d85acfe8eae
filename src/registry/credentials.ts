import { readFile } from 'node:fs/promises'
import * as v from 'valibot'
import { errnoOf, ImageError } from '../errors.ts'
import { askHelper } from './credential-helper.ts'

/** What opens a registry's door, and where it was found. */
export type Credentials = { readonly source: string } & (
  | { readonly username: string; readonly password: string }
  | { readonly identityToken: string }
)

export interface CredentialsOptions {
  /** Path of Docker's `config.json`; it need not exist. */
  readonly dockerConfig?: string
  /** Given by hand: they count for the reference's own registry, before any file. */
  readonly credentials?: { readonly username: string; readonly password: string }
}

/**
 * The credentials for the registry that people call `host`; undefined: anonymous.
 *
 * As Docker has it, a helper named for the host comes first, then the credentials store, and only without either the
 * file's own entries.
 *
 * Errors: MALFORMED for a file that can't be read as Docker's; UNAUTHORIZED when a helper fails.
 * Source: docker/cli, "Credential stores", "Credential helpers" and config.json.
 */
export async function findCredentials(
  { dockerConfig, credentials }: CredentialsOptions,
  host: string,
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  if (credentials !== undefined) return { ...credentials, source: 'the command line' }
  if (dockerConfig === undefined) return undefined
  const config = await readConfig(dockerConfig)
  if (config === undefined) return undefined
  const keys = keysOf(host)
  const own = keys.find(key => config.credHelpers[key] !== undefined)
  const helper = own === undefined ? config.credsStore : config.credHelpers[own]
  if (helper) return await askHelper(helper, own ?? keys[0] ?? host, signal)
  return inFile(config.auths, keys, dockerConfig)
}

const authSchema = v.object({
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
})

const configSchema = v.object({
  auths: v.optional(v.record(v.string(), authSchema), {}),
  credHelpers: v.optional(v.record(v.string(), v.string()), {}),
  credsStore: v.optional(v.string()),
})

type Auth = v.InferOutput<typeof authSchema>
type Config = v.InferOutput<typeof configSchema>

async function readConfig(path: string): Promise<Config | undefined> {
  try {
    const parsed = v.safeParse(configSchema, JSON.parse(await readFile(path, 'utf8')))
    if (parsed.success) return parsed.output
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    if (!(error instanceof SyntaxError)) throw error
  }
  // Neither the parser's words nor the schema's: they quote what they don't like, and that may be a password.
  throw malformed(path, 'not a configuration of Docker')
}

/** Docker Hub's credentials are kept under the address of an API that is long gone. */
function keysOf(host: string): readonly string[] {
  return host === 'docker.io' ? ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io'] : [host]
}

function inFile(auths: Config['auths'], keys: readonly string[], path: string): Credentials | undefined {
  const names = new Map(Object.keys(auths).map(name => [hostIn(name), name]))
  const name = keys.find(key => auths[key] !== undefined) ?? names.get(keys.at(-1) ?? '')
  return name === undefined ? undefined : decode(auths[name] ?? {}, path, name)
}

/** Old entries are addresses: `https://ghcr.io/v1/` is about ghcr.io. */
function hostIn(name: string): string {
  return name.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
}

function decode({ auth, identitytoken, ...plain }: Auth, path: string, name: string): Credentials | undefined {
  const source = path
  if (identitytoken) return { identityToken: identitytoken, source }
  if (auth) {
    const text = Buffer.from(auth, 'base64').toString()
    const colon = text.indexOf(':')
    if (colon < 1) throw malformed(path, `auth of ${name} is not base64 of user:password`)
    return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, ''), source }
  }
  const { username, password } = plain
  return username && password ? { username, password, source } : undefined
}

function malformed(path: string, found: string): ImageError {
  return new ImageError('MALFORMED', `Cannot read credentials from ${path}: ${found}`, { what: path })
}
