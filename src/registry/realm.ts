import { ImageError } from '../errors.ts'
import { literalIn } from './address.ts'
import type { Host } from './hosts.ts'
import { isNamed, type NamedOptions } from './named.ts'

/**
 * The token server that a host's challenge names.
 *
 * Errors: INVALID_RESPONSE for something else than a web address, and for one without TLS where the host has it.
 */
export function realmOf(text: string, { origin }: Host, purpose: string): URL {
  const realm = URL.canParse(text) ? new URL(text) : undefined
  const schemes = origin.startsWith('https:') ? ['https:'] : ['https:', 'http:']
  if (realm !== undefined && schemes.includes(realm.protocol) && realm.username === '' && realm.password === '')
    return realm
  const { host } = new URL(origin)
  const found = `${host} names a realm that isn't a web address as safe as its own`
  throw new ImageError('INVALID_RESPONSE', `Cannot ${purpose}: ${found}`, { host })
}

/**
 * Whether `realm` may be shown the credentials for `host`, which named it: it is on the same host, in the same
 * registrable domain, or named by the user.
 *
 * On loopback, and at bare addresses, another port may be anybody's: there it must be the same one.
 *
 * Source: docs/decisions/0009-credentials-and-realms.md.
 */
export async function isTrustedRealm(realm: URL, host: Host, options: NamedOptions): Promise<boolean> {
  const own = new URL(host.origin)
  if (realm.host === own.host || isNamed(realm, options)) return true
  if ([realm, own].some(url => url.hostname === 'localhost' || literalIn(url) !== undefined)) return false
  if (realm.hostname === own.hostname) return true
  // Loaded when it matters: the list of public suffixes is long.
  const { getDomain } = await import('tldts')
  const [domain, ownDomain] = [realm, own].map(({ hostname }) => getDomain(hostname, { allowPrivateDomains: true }))
  return typeof domain === 'string' && domain === ownDomain
}
