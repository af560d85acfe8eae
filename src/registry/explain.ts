import { ImageError } from '../errors.ts'
import type { Reference } from '../spec/reference.ts'
import { chooseChallenge } from './auth.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import { type Credentials, findCredentials } from './credentials.ts'
import { redacted } from './failures.ts'
import { type Capability, type Host, hostsOf } from './hosts.ts'
import { knock } from './login.ts'
import { proxyFor } from './proxies.ts'
import { isTrustedRealm, realmOf } from './realm.ts'
import { mergeScopes } from './scopes.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'

/** A host as it would be asked, and where all that is from. Holds no secret. */
export interface ExplainedHost {
  readonly url: string
  /** The registry that it stands in for. */
  readonly mirrorOf?: string
  readonly capabilities: readonly Capability[]
  /** The file that describes it, or `built in`. */
  readonly source: string
  /** Names alone. */
  readonly headers: readonly string[]
  /** What differs from a plain connection, each in a few words. */
  readonly connection: readonly string[]
  readonly credentials?: ExplainedCredentials
  /** What it answered when it was asked nothing in particular: a status, or why there was none. */
  readonly answer: string
  readonly access?: ExplainedAccess
}

export interface ExplainedCredentials {
  readonly kind: 'password' | 'identity token'
  readonly username?: string
  readonly source: string
}

/** What the host wants before it lets anybody in. */
export type ExplainedAccess =
  | { readonly scheme: 'basic' }
  | {
      readonly scheme: 'bearer'
      readonly realm: string
      readonly service?: string
      readonly scopes: readonly string[]
      /** How the realm is asked. */
      readonly by: string
    }

/**
 * Asks every host of `reference` how it lets people in, without credentials, and says what would be done.
 *
 * Errors: MALFORMED for files about hosts or credentials; UNAUTHORIZED when a credentials helper fails. A host that can't
 *         be reached is no error.
 */
export async function explainHosts(
  options: SessionOptions,
  reference: Reference,
  signal?: AbortSignal,
): Promise<readonly ExplainedHost[]> {
  const session = openSession(options)
  try {
    const hosts = await hostsOf(reference, options)
    return await Promise.all(hosts.map(host => explainHost(session, options, host, reference.repository, signal)))
  } finally {
    await session.wire.close()
  }
}

async function explainHost(
  session: Session,
  options: SessionOptions,
  host: Host,
  repository: string,
  signal?: AbortSignal,
): Promise<ExplainedHost> {
  const credentials = await findCredentials(options, host, repository, signal)
  const { mirrorOf, capabilities, source, headers, origin, prefix } = host
  return {
    url: `${origin}${prefix}`,
    ...(mirrorOf === undefined ? {} : { mirrorOf }),
    capabilities,
    source,
    headers: Object.keys(headers),
    connection: connectionOf(host, options),
    ...(credentials === undefined ? {} : { credentials: withoutSecret(credentials) }),
    ...(await accessOf(session, options, host, { repository, credentials, signal })),
  }
}

interface Asking {
  readonly repository: string
  readonly credentials: Credentials | undefined
  readonly signal: AbortSignal | undefined
}

async function accessOf(
  session: Session,
  options: SessionOptions,
  host: Host,
  { repository, credentials, signal }: Asking,
): Promise<Pick<ExplainedHost, 'answer' | 'access'>> {
  try {
    const answer = await knock(session, host, 'ask', { signal })
    answer.body.close()
    const challenge = chooseChallenge(parseChallenges(answer.headers['www-authenticate']))
    if (answer.status !== 401 || challenge === undefined) return { answer: `${answer.status}` }
    if (challenge.scheme === 'basic') return { answer: '401', access: { scheme: 'basic' } }
    return { answer: '401', access: await bearer(challenge, options, host, repository, credentials) }
  } catch (error) {
    signal?.throwIfAborted()
    if (!(error instanceof ImageError)) throw error
    return { answer: error.message.replace(/^Cannot ask: /, '') }
  }
}

async function bearer(
  { parameters }: Challenge,
  options: SessionOptions,
  host: Host,
  repository: string,
  credentials: Credentials | undefined,
): Promise<ExplainedAccess> {
  const realm = realmOf(parameters.get('realm') ?? '', host, 'ask')
  const service = parameters.get('service')
  return {
    scheme: 'bearer',
    realm: redacted(realm),
    ...(service === undefined ? {} : { service }),
    scopes: mergeScopes(`repository:${repository}:pull`, parameters.get('scope')),
    by: await wayTo(realm, host, options, credentials),
  }
}

async function wayTo(
  realm: URL,
  host: Host,
  options: SessionOptions,
  credentials: Credentials | undefined,
): Promise<string> {
  if (credentials === undefined) return 'GET, anonymously'
  if (!(await isTrustedRealm(realm, host, options)))
    return `GET, anonymously: the realm may be somebody else's; --allow-host ${realm.host} trusts it`
  const way = 'identityToken' in credentials ? 'POST, with the identity token' : 'GET, with the password'
  const isTrustedAnyway = await isTrustedRealm(realm, host, { ...options, allowHosts: [] })
  return isTrustedAnyway ? way : `${way}: --allow-host trusts the realm`
}

function connectionOf(
  { origin, connection, isGuess, isPlainByChoice }: Host,
  { proxies = {} }: SessionOptions,
): readonly string[] {
  const { ca, client, skipVerify, dialTimeoutMs } = connection
  const proxy = proxyFor(new URL(origin), proxies)
  return [
    ...(isPlainByChoice ? ['plain HTTP, as --plain-http says'] : []),
    ...(isGuess ? ['plain HTTP is a guess, TLS is tried next'] : []),
    ...(ca === undefined ? [] : [`trusts ${ca.length === 1 ? 'a CA' : `${ca.length} CA files`} of its own`]),
    ...(client === undefined ? [] : ['shows a client certificate']),
    ...(skipVerify ? ['takes any certificate'] : []),
    ...(dialTimeoutMs === undefined ? [] : [`waits ${dialTimeoutMs / 1000} s for a connection`]),
    ...(proxy === undefined ? [] : [`through the proxy ${proxy.host}`]),
  ]
}

function withoutSecret(credentials: Credentials): ExplainedCredentials {
  const { source } = credentials
  return 'identityToken' in credentials
    ? { kind: 'identity token', source }
    : { kind: 'password', username: credentials.username, source }
}
