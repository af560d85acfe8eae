import * as v from 'valibot'
import { basic } from './auth.ts'
import { readAll } from './body.ts'
import type { Credentials, Login } from './credentials.ts'
import { invalidResponse, statusError, transportError } from './failures.ts'
import { connectionTo, type Host } from './hosts.ts'
import { maxReplyBytes } from './limits.ts'
import type { Session } from './session.ts'
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

/** What a token is wanted for, and who asks. */
export interface TokenRequest {
  readonly host: Host
  /** The token server that the host has named. */
  readonly realm: URL
  readonly service: string | undefined
  readonly scopes: readonly string[]
  /** Those that the realm may see. */
  readonly credentials: Credentials | undefined
  /** Where they are from, as a clause for messages. */
  readonly access: string
}

/** Servers that don't know the one way of asking know the other. */
const unknownWay = [404, 405]

/**
 * Fetches a token from the realm of a challenge.
 *
 * A password goes as basic authentication of a GET; where the realm knows no such thing, and always for an identity
 * token, as the form of a POST. Redirects are not followed, and nothing is tried again: that is up to the request that
 * needs the token, which has a budget for all of its parts.
 *
 * Errors: UNAUTHORIZED, RATE_LIMITED, UNAVAILABLE, INVALID_RESPONSE; UNSAFE for a realm in the own machine or network.
 * Source: CNCF distribution, "Token Authentication", "OAuth2 Token Authentication".
 */
export async function fetchToken(parts: Omit<Session, 'auth'>, request: TokenRequest): Promise<Token> {
  const { host, realm, scopes, access } = request
  const purpose = `get token for ${scopes.join(' ') || host.name}`
  const [first, second] = ways(request)

  const askedAt = performance.now()
  let answer = await ask(first)
  if (second !== undefined && unknownWay.includes(answer.status)) {
    answer.body.close()
    answer = await ask(second)
  }
  if (answer.status >= 400) throw await statusError(answer, purpose, access)
  if (answer.status !== 200) throw invalidResponse(answer, purpose, `answers ${answer.status}`)
  return await readToken(answer, askedAt, purpose)

  async function ask({ headers, ...way }: Exchange): Promise<Answer> {
    const exchange = {
      ...way,
      headers: { ...parts.headers, ...(realm.origin === host.origin ? host.headers : {}), ...headers },
      connection: connectionTo(realm, host),
      within: parts.bounds.within(realm, new URL(host.origin), host),
    }
    return await parts.wire.exchange(exchange).catch(error => {
      throw transportError(error, realm.host, purpose)
    })
  }
}

/** How to ask, and how else. */
function ways(request: TokenRequest): readonly [Exchange, Exchange?] {
  const { credentials } = request
  if (credentials === undefined) return [byGet(request)]
  if ('identityToken' in credentials) {
    return [byPost(request, { grant_type: 'refresh_token', refresh_token: credentials.identityToken })]
  }
  const { username, password } = credentials
  return [byGet(request, credentials), byPost(request, { grant_type: 'password', username, password })]
}

function byGet({ realm, service, scopes }: TokenRequest, credentials?: Login): Exchange {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.append('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (credentials === undefined) return { method: 'GET', url, headers: {} }
  url.searchParams.append('account', credentials.username)
  return { method: 'GET', url, headers: { authorization: basic(credentials) } }
}

function byPost({ realm, service, scopes }: TokenRequest, grant: Readonly<Record<string, string>>): Exchange {
  const about = { ...(service === undefined ? {} : { service }), scope: scopes.join(' '), client_id: clientId }
  const body = new URLSearchParams({ ...about, ...grant }).toString()
  return { method: 'POST', url: realm, headers: { 'content-type': 'application/x-www-form-urlencoded' }, body }
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
