import { hasCode } from '../errors.ts'
import type { Reference } from '../spec/reference.ts'
import { embedded, openDownload } from './fetch.ts'
import { hostsOf } from './hosts.ts'
import type { Resolver } from './registry.ts'
import type { Client } from './request.ts'
import { resolveBlob, resolveManifest } from './resolve.ts'
import { openSession, type SessionOptions } from './session.ts'
import { type Walk, type WalkOptions, walkOver } from './walk.ts'

export interface ResolverOptions extends SessionOptions, WalkOptions {}

/** A resolver over HTTP. Nothing is read and no connection is made before the first question. */
export function openResolver(options: ResolverOptions = {}): Resolver {
  const client: Client = openSession(options)
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
      await client.wire.close()
    },
  }
}
