import { existsSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import type { Settings } from '../defaults.ts'
import { ImageError } from '../errors.ts'
import type { Quotas } from '../layer/quota.ts'
import { parseReference, type Reference } from '../spec/reference.ts'
import type { Typed } from './command.ts'
import type { Context } from './context.ts'
import type { hostFlags, registryFlags } from './flags.ts'

/** The longest time that a timer can wait: 2³¹−1 ms. */
const maxTimerMs = 2_147_483_647

/** `--lock-timeout`: seconds as typed, to milliseconds. Errors: INVALID_ARGUMENT. */
export function lockTimeoutOf(seconds: string | undefined): { readonly lockTimeoutMs?: number } {
  if (seconds === undefined) return {}
  const ms = /^\d+(\.\d+)?$/.test(seconds) ? Number(seconds) * 1000 : Number.NaN
  if (!(ms <= maxTimerMs)) throw invalidFlag('--lock-timeout', seconds, 'not a number of seconds up to 24 days')
  return { lockTimeoutMs: ms }
}

const quotaNames: Readonly<Record<string, keyof Quotas>> = {
  'layer-bytes': 'layerBytes',
  'image-bytes': 'imageBytes',
  'layer-entries': 'layerEntries',
  'image-entries': 'imageEntries',
  ratio: 'ratio',
  depth: 'depth',
}
const units = ['', 'K', 'M', 'G', 'T']

/** A whole number, perhaps with a unit of 1,024; NaN for anything else. */
function numberOf(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+)([KMGT]?)$/.exec(text) ?? []
  const number = digits === '' ? Number.NaN : Number(digits) * 1024 ** units.indexOf(unit)
  return Number.isSafeInteger(number) ? number : Number.NaN
}

/** A size as typed, in bytes. Errors: INVALID_ARGUMENT. */
export function bytesOf(flag: string, text: string): number {
  const bytes = numberOf(text)
  if (Number.isNaN(bytes)) throw invalidFlag(flag, text, 'not a number of bytes, as 800000, 500M or 20G')
  return bytes
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A time as typed, in ms. Errors: INVALID_ARGUMENT. */
export function ageOf(flag: string, text: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const ms = Number(digits) * (unitMs[unit] ?? Number.NaN)
  if (Number.isNaN(ms)) throw invalidFlag(flag, text, 'not a time, as 90m, 12h or 30d')
  return ms
}

/** `--quota NAME=NUMBER`, the number perhaps with a unit of 1,024. Errors: INVALID_ARGUMENT. */
export function quotasOf(typed: readonly string[]): { readonly quotas?: Partial<Quotas> } {
  if (typed.length === 0) return {}
  const quotas = typed.map((text): [keyof Quotas, number] => {
    const [, name = '', count = ''] = /^([a-z-]+)=(.+)$/.exec(text) ?? []
    const quota = Object.hasOwn(quotaNames, name) ? quotaNames[name] : undefined
    const number = numberOf(count)
    if (quota === undefined || Number.isNaN(number)) throw invalidFlag('--quota', text, 'not a quota')
    return [quota, number]
  })
  return { quotas: Object.fromEntries(quotas) }
}

/** More than any server takes from one client. */
const mostConnections = 256

/** `--max-connections`. Errors: INVALID_ARGUMENT. */
export function connectionsOf(typed: string | undefined): { readonly maxConnections?: number } {
  if (typed === undefined) return {}
  const maxConnections = /^\d{1,3}$/.test(typed) ? Number(typed) : 0
  if (maxConnections >= 1 && maxConnections <= mostConnections) return { maxConnections }
  throw invalidFlag('--max-connections', typed, `not a number from 1 to ${mostConnections}`)
}

/** What the flags of commands that ask a registry make of the settings. Errors: INVALID_ARGUMENT. */
export async function registryOf(
  context: Context,
  references: readonly Reference[],
  typed: Typed<Record<never, never>, typeof registryFlags>,
): Promise<Partial<Settings>> {
  return {
    ...hostsOf(typed),
    ...(typed.noFallback ? { fallback: false } : {}),
    ...(await credentialsOf(context, references, typed)),
  }
}

/** How hosts are reached. Errors: INVALID_ARGUMENT. */
export function hostsOf(typed: Typed<Record<never, never>, typeof hostFlags>): Partial<Settings> {
  const { plainHttp, hostsDir, allowHost: allowHosts } = typed
  for (const host of allowHosts)
    if (!isAuthority(host)) throw invalidFlag('--allow-host', host, 'not HOST or HOST:PORT')
  if (hostsDir !== undefined && !existsSync(hostsDir))
    throw invalidFlag('--hosts-dir', hostsDir, 'there is no such directory')
  return {
    plainHttp,
    ...(hostsDir === undefined ? {} : { hostsDirs: [hostsDir] }),
    ...(allowHosts.length === 0 ? {} : { allowHosts }),
  }
}

/**
 * The registry that `HOST` names in `login` and `logout`, as references name it. Errors: INVALID_ARGUMENT.
 */
export function registryNamed(text: string): string {
  const name = text.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '')
  const { host, repository } = parseReference(`${name}/x/y`)
  if (repository === 'x/y' && (host !== 'docker.io' || /^(index\.)?docker\.io$/.test(name))) return host
  const hint = 'give it as HOST or HOST:PORT, with a dot or a port in it'
  const message = `Cannot use ${JSON.stringify(text)} as a registry: no reference could name it so`
  throw new ImageError('INVALID_ARGUMENT', message, { argument: 'host', value: text }, { hint })
}

/** A password from stdin, to its end or that of its line. Errors: INVALID_ARGUMENT for none. */
export async function passwordFrom(context: Context): Promise<string> {
  const password = (await text(context.stdin())).replace(/\r?\n$/, '')
  if (password === '') throw invalidFlag('--password-stdin', '', 'stdin is empty')
  return password
}

function isAuthority(text: string): boolean {
  return /^[^/?#@\s]+$/.test(text) && URL.canParse(`http://${text}`)
}

/**
 * `--username` and `--password-stdin`: a password among the words would show in every process list. They belong to one
 * registry: with references to several, one's password would be told to another.
 *
 * Errors: INVALID_ARGUMENT.
 */
async function credentialsOf(
  context: Context,
  references: readonly Reference[],
  { username, passwordStdin }: { readonly username: string | undefined; readonly passwordStdin: boolean },
): Promise<{ readonly credentials?: { readonly username: string; readonly password: string } }> {
  if (username === undefined && !passwordStdin) return {}
  if (username === undefined) throw invalidFlag('--password-stdin', '', 'it needs --username too')
  if (!passwordStdin) throw invalidFlag('--username', username, 'it needs --password-stdin too')
  if (new Set(references.map(({ host }) => host)).size > 1) {
    throw invalidFlag('--username', username, 'the references are on several registries')
  }
  return { credentials: { username, password: await passwordFrom(context) } }
}

export function invalidFlag(flag: string, value: string, problem: string): ImageError {
  const what = value === '' ? flag : `${flag} ${value}`
  return new ImageError('INVALID_ARGUMENT', `Cannot use ${what}: ${problem}`, { argument: flag, value })
}
