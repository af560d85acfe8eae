import { ImageError } from '../errors.ts'
import type { Login } from './credentials.ts'
import { statusError } from './failures.ts'
import { type Host, hostsOf, urlAt } from './hosts.ts'
import { ownHosts } from './own-hosts.ts'
import { isTrustedRealm } from './realm.ts'
import { follow } from './redirect.ts'
import { withRetries } from './retry.ts'
import { openSession, type Session, type SessionOptions } from './session.ts'
import { walkOver } from './walk.ts'
import type { Answer } from './wire.ts'

/**
 * Asks the registry that people call `name` whether it knows `login`; false when it asks nobody who they are.
 *
 * Errors: UNAUTHORIZED when it refuses, and before anything is sent to a realm that may be somebody else's; those of
 *         requests.
 */
export async function checkLogin(
  options: SessionOptions,
  name: string,
  login: Login,
  signal?: AbortSignal,
): Promise<boolean> {
  const session = openSession(
    { ...options, credentials: login },
    {
      async isTrusted(realm, host) {
        if (await isTrustedRealm(realm, host, options)) return true
        throw untrusted(name, realm.host)
      },
    },
  )
  try {
    const { value } = await walkOver(await registryHosts(name, options)).ask(
      'document',
      host => withRetries(session.limits, () => isKnown(session, host, `log in to ${name}`, signal), signal),
      signal,
    )
    return value
  } finally {
    await session.wire.close()
  }
}

/** What a host answers to nobody in particular, at the root of its API. */
export async function knock(
  session: Pick<Session, 'wire' | 'bounds' | 'headers'>,
  host: Host,
  purpose: string,
  { authorization, signal }: { readonly authorization?: string; readonly signal?: AbortSignal | undefined } = {},
): Promise<Answer> {
  const own = { ...host.headers, ...(authorization === undefined ? {} : { authorization }) }
  return await follow(session, host, {
    method: 'GET',
    url: urlAt(host, ''),
    headers: session.headers,
    own,
    purpose,
    signal,
  })
}

async function isKnown(session: Session, host: Host, purpose: string, signal?: AbortSignal): Promise<boolean> {
  const first = await knock(session, host, purpose, { signal })
  const authorization = first.status === 401 ? await session.auth.answer(host, '', first, undefined, signal) : undefined
  const answer = authorization === undefined ? first : await knock(session, host, purpose, { authorization, signal })
  if (answer.status >= 400) throw await statusError(answer, purpose, session.auth.access(host))
  answer.body.close()
  return authorization !== undefined
}

/** A login is for the registry itself, not for what stands in for it. */
async function registryHosts(name: string, options: SessionOptions): Promise<readonly Host[]> {
  const own = (await hostsOf({ host: name, repository: '' }, options)).filter(({ mirrorOf }) => mirrorOf === undefined)
  return own.length > 0 ? own : ownHosts(name, options.plainHttp ?? false)
}

function untrusted(name: string, realm: string): ImageError {
  const found = `its realm ${realm} may be somebody else's, and would be told the password`
  const hint = `--allow-host ${realm} trusts it`
  return new ImageError('UNAUTHORIZED', `Cannot log in to ${name}: ${found}`, { host: name }, { hint })
}
