import { type Challenge, parseChallenges } from './challenge.ts'
import type { Credentials } from './credentials.ts'
import { printable } from './failures.ts'
import type { Host } from './hosts.ts'
import type { Token } from './token.ts'
import type { Answer } from './wire.ts'

/** Knows how to get in, host by host. */
export interface Auth {
  /** The `Authorization` header for `scope` at `host`, as far as the host has asked for one before. */
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
  findCredentials(host: string): Promise<Credentials | undefined>
  fetchToken(challenge: Challenge, host: Host, scope: string, credentials: Credentials | undefined): Promise<Token>
}

/** What is known about one host. */
interface Door {
  challenge?: Challenge
  /** Asked for once, whatever the number of tokens. */
  credentials?: Promise<Credentials | undefined>
  source?: string
  /** By scope. */
  readonly tokens: Map<string, Token>
  readonly pending: Map<string, Promise<Token>>
}

/**
 * Remembers challenges, credentials and tokens by host, and tokens by scope.
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
      const offered = parseChallenges(answer.headers['www-authenticate'])
      const challenge = offered.find(isBearer) ?? offered.find(({ scheme }) => scheme === 'basic')
      if (challenge === undefined) return undefined
      const door = doorOf(host)
      door.challenge = challenge
      if (refused !== undefined && door.tokens.get(scope)?.header === refused) door.tokens.delete(scope)
      const header = await abortable(headerAt(host, door, scope), signal)
      return header === refused ? undefined : header
    },

    access(host) {
      const { source } = doorOf(host)
      return source === undefined ? 'asked anonymously' : `asked with credentials from ${printable(source)}`
    },
  }

  function doorOf({ origin }: Host): Door {
    const door = doors.get(origin) ?? { tokens: new Map(), pending: new Map() }
    doors.set(origin, door)
    return door
  }

  async function headerAt(host: Host, door: Door, scope: string): Promise<string | undefined> {
    if (door.challenge === undefined) return undefined
    if (isBearer(door.challenge)) return (await tokenFor(host, door, door.challenge, scope)).header
    const credentials = await credentialsOf(host, door)
    return credentials === undefined || 'identityToken' in credentials ? undefined : basic(credentials)
  }

  async function tokenFor(host: Host, door: Door, challenge: Challenge, scope: string): Promise<Token> {
    const known = door.tokens.get(scope)
    if (known !== undefined && performance.now() < known.expiresAt) return known
    const pending = door.pending.get(scope) ?? newToken(host, door, challenge, scope)
    door.pending.set(scope, pending)
    return await pending
  }

  async function newToken(host: Host, door: Door, challenge: Challenge, scope: string): Promise<Token> {
    try {
      const token = await parts.fetchToken(challenge, host, scope, await credentialsOf(host, door))
      door.tokens.set(scope, token)
      return token
    } finally {
      door.pending.delete(scope)
    }
  }

  async function credentialsOf({ name }: Host, door: Door): Promise<Credentials | undefined> {
    door.credentials ??= parts.findCredentials(name)
    const credentials = await door.credentials
    if (credentials !== undefined) door.source = credentials.source
    return credentials
  }
}

/** The value of an `Authorization` header for `credentials`. */
export function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function isBearer({ scheme, parameters }: Challenge): boolean {
  return scheme === 'bearer' && parameters.has('realm')
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
