import { readFileSync, realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { errnoOf } from '../errors.ts'
import { makeDirectories, writeFileDurably } from '../system/files.ts'
import { type AuthFile, keysOf, malformedAuth, readAuthFile, withoutAddress } from './auth-file.ts'
import { clearHelper, tellHelper } from './credential-helper.ts'
import { helperFor, type Login } from './credentials.ts'

const empty: AuthFile = { auths: {}, credHelpers: {}, credsStore: undefined }

/**
 * Keeps `login` for the registry `name` where Docker would: with the helper that the file at `path` names for it, else in
 * the file itself. Answers where. Everything else in the file stays.
 *
 * Errors: MALFORMED for a file that isn't Docker's; UNAUTHORIZED when a helper fails; the system's. The file is the old
 *         one or the new one, whole.
 * Source: docker/cli, config.json.
 */
export async function keepLogin(path: string, name: string, login: Login, signal?: AbortSignal): Promise<string> {
  const { helper, key } = helperFor((await readAuthFile(path)) ?? empty, keysOf(name))
  if (helper === undefined) {
    const auth = Buffer.from(`${login.username}:${login.password}`).toString('base64')
    change(path, auths => ({ ...without(auths, name), [key]: { auth } }))
    return path
  }
  await tellHelper(helper, key, login, signal)
  change(path, auths => ({ ...without(auths, name), [key]: {} })) // as Docker: a list of who is logged in where
  return `docker-credential-${helper}`
}

/** Forgets what is kept for the registry `name`, in the file and with its helper; false when there was nothing. */
export async function dropLogin(path: string, name: string, signal?: AbortSignal): Promise<boolean> {
  const file = await readAuthFile(path)
  if (file === undefined) return false
  const { helper, key } = helperFor(file, keysOf(name))
  const wasKept = helper !== undefined && (await clearHelper(helper, key, signal))
  const wasListed = Object.keys(file.auths).length > Object.keys(without(file.auths, name)).length
  if (wasListed) change(path, auths => without(auths, name))
  return wasKept || wasListed
}

/** Under every name that the registry has had. */
function without(auths: Readonly<Record<string, unknown>>, name: string): Record<string, unknown> {
  const names = new Set(keysOf(name).flatMap(key => [key, withoutAddress(key)]))
  return Object.fromEntries(Object.entries(auths).filter(([key]) => !names.has(withoutAddress(key))))
}

function change(
  path: string,
  changed: (auths: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>,
): void {
  const { target, document } = open(path)
  const auths = changed((document['auths'] ?? {}) as Record<string, unknown>) // checked by its schema before
  writeFileDurably(target, `${JSON.stringify({ ...document, auths }, undefined, '\t')}\n`)
}

/** A link to the file stays one: many keep theirs elsewhere. */
function open(path: string): { readonly target: string; readonly document: Readonly<Record<string, unknown>> } {
  try {
    const target = realpathSync(path)
    const text = readFileSync(target, 'utf8')
    return { target, document: text.trim() === '' ? {} : JSON.parse(text) }
  } catch (error) {
    if (error instanceof SyntaxError) throw malformedAuth(path, 'not a configuration of Docker')
    if (errnoOf(error) !== 'ENOENT') throw error
    makeDirectories(dirname(path))
    return { target: path, document: {} }
  }
}
