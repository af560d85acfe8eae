import { type Auth, type AuthParts, openAuth } from './auth.ts'
import { type Bounds, openBounds } from './bounds.ts'
import type { CredentialsOptions } from './credentials.ts'
import type { HostsOptions } from './hosts.ts'
import { defaultLimits, type Limits } from './limits.ts'
import { openWire, type Wire, type WireOptions } from './wire.ts'

export interface SessionOptions extends CredentialsOptions, HostsOptions, WireOptions {
  /** Of davit, for `User-Agent`. */
  readonly version?: string
  readonly limits?: Partial<Limits>
}

/** What talking to hosts takes, whatever is talked about. Ends with `wire.close`. */
export interface Session {
  readonly wire: Wire
  readonly auth: Auth
  readonly bounds: Bounds
  readonly limits: Limits
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
}

/** Nothing is read and no connection is made before the first question. `parts`: other ways in than the usual. */
export function openSession(options: SessionOptions, parts: Partial<AuthParts> = {}): Session {
  const limits = { ...defaultLimits, ...options.limits }
  const headers = { 'user-agent': options.version === undefined ? 'davit' : `davit/${options.version}` }
  const wire = openWire(limits, options)
  const bounds = openBounds(options, wire.reachAt)
  const auth = openAuth({
    // Loaded when a host asks for them: start-up counts.
    findCredentials: async (...about) => (await import('./credentials.ts')).findCredentials(options, ...about),
    isTrusted: async (realm, host) => (await import('./realm.ts')).isTrustedRealm(realm, host, options),
    fetchToken: async request => (await import('./token.ts')).fetchToken({ wire, bounds, limits, headers }, request),
    ...parts,
  })
  return { wire, auth, bounds, limits, headers }
}
