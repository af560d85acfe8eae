import * as v from 'valibot'
import { ImageError } from '../errors.ts'
import { basic } from './auth.ts'
import { readAll } from './body.ts'
import type { Challenge } from './challenge.ts'
import type { Credentials } from './credentials.ts'
import { invalidResponse, statusError, transportError } from './failures.ts'
import type { Host } from './hosts.ts'
import { maxReplyBytes } from './limits.ts'
import type { Client } from './request.ts'
import { withRetries } from './retry.ts'
import type { Answer, Exchange } from './wire.ts'

/** A bearer token, ready to be sent. */
export interface Token {
  readonly header: string
  /** On the clock of `performance.now()`, which nobody sets back. */
  readonly expiresAt: number
}

/** What a token is good for when its server doesn't say, and at least (CNCF distribution, "Token Authentication"). */
const leastLifeMs = 60_000

/** The part of its life in which a token is used: it must outlive the request that carries it. */
const usedLife = 0.9

const clientId = 'davit'

const responseSchema = v.object({
  token: v.optional(v.string()),
  access_token: v.optional(v.string()),
  expires_in: v.optional(v.number()),
})

/**
 * Fetches a token for `scope` at `host` from the realm of its `challenge`.
 *
 * A password goes as basic authentication of a GET, an identity token in the form of a POST, and neither ever to a
 * realm without TLS when the registry has it. Redirects are not followed.
 *
 * Errors: UNAUTHORIZED, RATE_LIMITED, UNAVAILABLE, INVALID_RESPONSE; UNSAFE for a realm in the own machine or network.
 * Source: CNCF distribution, "Token Authentication", "OAuth2 Token Authentication".
 */
export async function fetchToken(
  { wire, bounds, limits, headers }: Pick<Client, 'wire' | 'bounds' | 'limits' | 'headers'>,
  { parameters }: Challenge,
  host: Host,
  scope: string,
  credentials: Credentials | undefined,
): Promise<Token> {
  const purpose = `get token for ${scope}`
  const realm = realmOf(parameters.get('realm') ?? '', host, purpose)
  const within = bounds.within(realm, new URL(host.origin), host)
  const exchange = { ...tokenRequest(realm, parameters.get('service'), scope, credentials, headers), within }
  const access = credentials === undefined ? 'asked anonymously' : `asked with credentials from ${credentials.source}`

  return await withRetries(limits, async () => {
    const askedAt = performance.now()
    const answer = await wire.exchange(exchange).catch(error => {
      throw transportError(error, realm.host, purpose)
    })
    if (answer.status >= 400) throw await statusError(answer, purpose, access)
    if (answer.status !== 200) throw invalidResponse(answer, purpose, `answers ${answer.status}`)
    return await readToken(answer, askedAt, purpose)
  })
}

function realmOf(text: string, host: Host, purpose: string): URL {
  const realm = URL.canParse(text) ? new URL(text) : undefined
  const schemes = host.origin.startsWith('https:') ? ['https:'] : ['https:', 'http:']
  if (realm !== undefined && schemes.includes(realm.protocol) && realm.username === '' && realm.password === '')
    return realm
  const name = new URL(host.origin).host
  throw new ImageError(
    'INVALID_RESPONSE',
    `Cannot ${purpose}: ${name} names a realm that isn't a web address as safe as its own`,
    {
      host: name,
    },
  )
}

function tokenRequest(
  realm: URL,
  service: string | undefined,
  scope: string,
  credentials: Credentials | undefined,
  headers: Readonly<Record<string, string>>,
): Exchange {
  const about = { ...(service === undefined ? {} : { service }), scope }
  if (credentials !== undefined && 'identityToken' in credentials) {
    const form = {
      grant_type: 'refresh_token',
      ...about,
      client_id: clientId,
      refresh_token: credentials.identityToken,
    }
    const body = new URLSearchParams(form).toString()
    return {
      method: 'POST',
      url: realm,
      headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
      body,
    }
  }
  const url = new URL(realm)
  for (const [name, value] of Object.entries(about)) url.searchParams.append(name, value)
  if (credentials === undefined) return { method: 'GET', url, headers }
  url.searchParams.append('account', credentials.username)
  return { method: 'GET', url, headers: { ...headers, authorization: basic(credentials) } }
}

async function readToken(answer: Answer, askedAt: number, purpose: string): Promise<Token> {
  const bytes = await readAll(answer.body, maxReplyBytes).catch(error => {
    throw transportError(error, answer.url.host, purpose)
  })
  const parsed = v.safeParse(responseSchema, jsonIn(bytes))
  const token = parsed.success ? parsed.output.access_token || parsed.output.token : undefined
  // Not in the parser's words: they would quote the token.
  if (!parsed.success || !token || !/^[\x21-\x7e]+$/.test(token)) {
    throw invalidResponse(answer, purpose, 'answers with something else than a token')
  }
  const lifeMs = Math.max(leastLifeMs, (parsed.output.expires_in ?? 0) * 1000)
  return { header: `Bearer ${token}`, expiresAt: askedAt + lifeMs * usedLife }
}

function jsonIn(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(Buffer.from(bytes ?? []).toString())
  } catch {
    return undefined
  }
}
