import { type Challenge, parseChallenges } from './challenge.ts'
import type { Credentials } from './credentials.ts'
import { printable } from './failures.ts'
import type { Host } from './hosts.ts'
import { realmOf } from './realm.ts'
import { mergeScopes, repositoryIn } from './scopes.ts'
import type { Token, TokenRequest } from './token.ts'
import type { Answer } from './wire.ts'

/** Knows how to get in, host by host. */
export interface Auth {
  /**
   * The `Authorization` header for `scope` at `host`, as far as the host has asked for one before.
   *
   * `scope`: of one request, `repository:library/alpine:pull`; several apart by spaces; '' for one that is about no
   * repository.
   */
  header(host: Host, scope: string, signal?: AbortSignal): Promise<string | undefined>

  /**
   * Learns from a 401 and returns what to send instead of `refused`; undefined when there is nothing else.
   *
   * Errors: UNAUTHORIZED when no token can be had, and whatever else getting one can fail with.
   */
  answer(
    host: Host,
    scope: string,
    answer: Answer,
    refused: string | undefined,
    signal?: AbortSignal,
  ): Promise<string | undefined>

  /** With which credentials `host` is asked, as a clause for messages: `asked anonymously`. */
  access(host: Host): string
}

export interface AuthParts {
  findCredentials(host: Host, repository: string): Promise<Credentials | undefined>
  /** Whether the realm that `host` named may see its credentials. */
  isTrusted(realm: URL, host: Host): Promise<boolean>
  fetchToken(request: TokenRequest): Promise<Token>
}

/** What is known about one host. */
interface Door {
  challenge?: Challenge
  /** By repository; asked for once, whatever the number of tokens. */
  readonly credentials: Map<string, Promise<Credentials | undefined>>
  access: string
  /** What a request's scope has grown to, by that scope: hosts may want more than it says. */
  readonly scopes: Map<string, readonly string[]>
  /** By what they were asked for. */
  readonly tokens: Map<string, Token>
  readonly pending: Map<string, Promise<Token>>
}

/**
 * Remembers challenges, credentials and tokens by host, and tokens by scopes.
 *
 * A token is fetched once however many requests wait for it. Each waits under its own signal; the fetch itself goes on.
 *
 * Source: CNCF distribution, "Token Authentication"; RFC 7617 for basic.
 */
export function openAuth(parts: AuthParts): Auth {
  const doors = new Map<string, Door>()

  return {
    async header(host, scope, signal) {
      return await abortable(headerAt(host, doorOf(host), scope), signal)
    },

    async answer(host, scope, answer, refused, signal) {
      const challenge = chooseChallenge(parseChallenges(answer.headers['www-authenticate']))
      if (challenge === undefined) return undefined
      const door = doorOf(host)
      door.challenge = challenge
      door.scopes.set(scope, mergeScopes(scope, challenge.parameters.get('scope')))
      for (const [key, { header }] of door.tokens) if (header === refused) door.tokens.delete(key)
      const header = await abortable(headerAt(host, door, scope), signal)
      return header === refused ? undefined : header
    },

    access(host) {
      return doorOf(host).access
    },
  }

  function doorOf({ origin }: Host): Door {
    const door = doors.get(origin) ?? newDoor()
    doors.set(origin, door)
    return door
  }

  async function headerAt(host: Host, door: Door, scope: string): Promise<string | undefined> {
    if (door.challenge === undefined) return undefined
    if (door.challenge.scheme === 'bearer') return (await tokenFor(host, door, door.challenge, scope)).header
    const credentials = await credentialsOf(host, door, scope)
    return credentials === undefined || 'identityToken' in credentials ? undefined : basic(credentials)
  }

  async function tokenFor(host: Host, door: Door, challenge: Challenge, scope: string): Promise<Token> {
    const scopes = door.scopes.get(scope) ?? mergeScopes(scope)
    const key = scopes.join(' ')
    const known = door.tokens.get(key)
    if (known !== undefined && performance.now() < known.expiresAt) return known
    const pending = door.pending.get(key) ?? newToken(host, door, challenge, scope, scopes)
    door.pending.set(key, pending)
    return await pending
  }

  async function newToken(
    host: Host,
    door: Door,
    { parameters }: Challenge,
    scope: string,
    scopes: readonly string[],
  ): Promise<Token> {
    const key = scopes.join(' ')
    try {
      const realm = realmOf(parameters.get('realm') ?? '', host, `get token for ${scope || host.name}`)
      const credentials = await credentialsFor(realm, host, door, scope)
      const { access } = door
      const service = parameters.get('service')
      const token = await parts.fetchToken({ host, realm, service, scopes, credentials, access })
      door.tokens.set(key, token)
      return token
    } finally {
      door.pending.delete(key)
    }
  }

  /** A realm of somebody else's gets none: it may still have tokens for everybody. */
  async function credentialsFor(realm: URL, host: Host, door: Door, scope: string): Promise<Credentials | undefined> {
    const credentials = await credentialsOf(host, door, scope)
    if (credentials === undefined || (await parts.isTrusted(realm, host))) return credentials
    const name = printable(realm.host)
    door.access = `asked anonymously, since its realm ${name} may be somebody else's (--allow-host ${name} trusts it)`
    return undefined
  }

  async function credentialsOf(host: Host, door: Door, scope: string): Promise<Credentials | undefined> {
    const repository = repositoryIn(scope)
    const finding = door.credentials.get(repository) ?? parts.findCredentials(host, repository)
    door.credentials.set(repository, finding)
    const credentials = await finding
    if (credentials !== undefined) door.access = `asked with credentials from ${printable(credentials.source)}`
    return credentials
  }
}

/** Bearer before basic, whatever their order; undefined when there is neither. */
export function chooseChallenge(offered: readonly Challenge[]): Challenge | undefined {
  const bearer = offered.find(({ scheme, parameters }) => scheme === 'bearer' && parameters.has('realm'))
  return bearer ?? offered.find(({ scheme }) => scheme === 'basic')
}

/** The value of an `Authorization` header for `credentials`. */
export function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function newDoor(): Door {
  return {
    access: 'asked anonymously',
    credentials: new Map(),
    scopes: new Map(),
    tokens: new Map(),
    pending: new Map(),
  }
}

async function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise
  signal.throwIfAborted()
  let onAbort = () => {}
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
