import { hasCode } from '../errors.ts'
import type { Reference } from '../spec/reference.ts'
import { openAuth } from './auth.ts'
import { openBounds } from './bounds.ts'
import type { CredentialsOptions } from './credentials.ts'
import { embedded, openDownload } from './fetch.ts'
import { type HostsOptions, hostsOf } from './hosts.ts'
import { defaultLimits, type Limits } from './limits.ts'
import type { Resolver } from './registry.ts'
import type { Client } from './request.ts'
import { resolveBlob, resolveManifest } from './resolve.ts'
import { type Walk, type WalkOptions, walkOver } from './walk.ts'
import { openWire } from './wire.ts'

export interface ResolverOptions extends CredentialsOptions, HostsOptions, WalkOptions {
  /** Of davit, for `User-Agent`. */
  readonly version?: string
  readonly limits?: Partial<Limits>
}

/** A resolver over HTTP. Nothing is read and no connection is made before the first question. */
export function openResolver(options: ResolverOptions = {}): Resolver {
  const limits = { ...defaultLimits, ...options.limits }
  const headers = { 'user-agent': options.version === undefined ? 'davit' : `davit/${options.version}` }
  const wire = openWire(limits)
  const bounds = openBounds(options, wire.reachAt)
  const auth = openAuth({
    // Loaded when a host asks for them: start-up counts.
    findCredentials: async (...about) => (await import('./credentials.ts')).findCredentials(options, ...about),
    isTrusted: async (realm, host) => (await import('./realm.ts')).isTrustedRealm(realm, host, options),
    fetchToken: async request => (await import('./token.ts')).fetchToken({ wire, bounds, limits, headers }, request),
  })
  const client: Client = { wire, auth, bounds, limits, headers }
  const walks = new Map<string, Promise<Walk>>()

  function walkFor(reference: Reference): Promise<Walk> {
    const walk = walks.get(reference.host) ?? hostsOf(reference, options).then(hosts => walkOver(hosts, options))
    walks.set(reference.host, walk)
    return walk
  }

  return {
    async resolve(reference, { signal } = {}) {
      signal?.throwIfAborted()
      const { digest } = reference
      const walk = await walkFor(reference)
      const need = digest === undefined ? 'tag' : 'document'
      const { host, value } = await walk
        .ask(need, host => resolveManifest(client, host, reference, signal), signal)
        .catch(error => {
          if (digest === undefined || !hasCode(error, 'NOT_FOUND')) throw error
          return walk.ask('blob', host => resolveBlob(client, host, reference, digest, signal), signal)
        })
      return { reference, descriptor: value, host: new URL(host.origin).host }
    },

    fetcher(reference) {
      const { host, repository } = reference
      return {
        fetch: async (descriptor, fetchOptions = {}) =>
          embedded(host, descriptor, fetchOptions) ??
          (await openDownload(client, await walkFor(reference), repository, descriptor, fetchOptions)),
      }
    },

    async close() {
      await wire.close()
    },
  }
}
