import { type AuthEntry, type AuthFile, entryNamed, keysOf, malformedAuth, readAuthFile } from './auth-file.ts'
import { askHelper } from './credential-helper.ts'
import type { Host } from './hosts.ts'

export interface Login {
  readonly username: string
  readonly password: string
}

/** What opens a registry's door, and where it was found. */
export type Credentials = { readonly source: string } & (Login | { readonly identityToken: string })

export interface CredentialsOptions {
  /** Paths of Docker's `config.json` and files like it, in the order in which they are looked through; none need exist. */
  readonly authFiles?: readonly string[]
  /** Given by hand: they count for the reference's own registry, before any file. */
  readonly credentials?: Login
}

/**
 * The credentials for `repository` at `host`; undefined: anonymous. A mirror has its own, or none.
 *
 * Of a file, as Docker has it, a helper named for the registry comes first, then the credentials store, and only without
 * either the file's own entries.
 *
 * Errors: MALFORMED for a file that can't be read as Docker's; UNAUTHORIZED when a helper fails.
 * Source: docker/cli, "Credential stores", "Credential helpers" and config.json; containers-auth.json(5).
 */
export async function findCredentials(
  { authFiles = [], credentials }: CredentialsOptions,
  { name, mirrorOf }: Pick<Host, 'name' | 'mirrorOf'>,
  repository = '',
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  if (credentials !== undefined && mirrorOf === undefined) return { ...credentials, source: 'the command line' }
  const keys = keysOf(name, repository)
  for (const path of authFiles) {
    const file = await readAuthFile(path)
    const found = file === undefined ? undefined : await findIn(file, path, keys, signal)
    if (found !== undefined) return found
  }
  return undefined
}

async function findIn(
  file: AuthFile,
  path: string,
  keys: readonly string[],
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  const { helper, key } = helperFor(file, keys)
  if (helper !== undefined) return await askHelper(helper, key, signal)
  const name = entryNamed(file, keys)
  return name === undefined ? undefined : decode(file.auths[name] ?? {}, path, name)
}

/** The helper that keeps the credentials for the registry of `keys`, and what it knows the registry as. */
export function helperFor(
  { credHelpers, credsStore }: AuthFile,
  keys: readonly string[],
): { readonly helper: string | undefined; readonly key: string } {
  const own = keys.find(key => credHelpers[key])
  const registry = keys.find(key => !key.includes('/') || key.startsWith('https:')) ?? ''
  return { helper: (own === undefined ? credsStore : credHelpers[own]) || undefined, key: own ?? registry }
}

function decode({ auth, identitytoken, ...plain }: AuthEntry, path: string, name: string): Credentials | undefined {
  const source = path
  if (identitytoken) return { identityToken: identitytoken, source }
  if (auth) {
    const text = Buffer.from(auth, 'base64').toString()
    const colon = text.indexOf(':')
    if (colon < 1) throw malformedAuth(path, `auth of ${name} is not base64 of user:password`)
    return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, ''), source }
  }
  const { username, password } = plain
  return username && password ? { username, password, source } : undefined
}
