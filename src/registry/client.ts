import { hasCode } from '../errors.ts'
import type { Digest } from '../spec/digest.ts'
import type { Reference } from '../spec/reference.ts'
import { Connections } from './connections.ts'
import { embedded, openDownload } from './fetch.ts'
import { type Host, hostsOf } from './hosts.ts'
import type { Registry } from './registry.ts'
import type { Client } from './request.ts'
import { resolveBlob, resolveManifest } from './resolve.ts'
import { Patience } from './retry.ts'
import { openSession, type SessionOptions } from './session.ts'
import { type Walk, type WalkOptions, walkOver } from './walk.ts'

export interface ResolverOptions extends SessionOptions, WalkOptions {
  /** Connections that carry layers at a time, to one registry and in all. */
  readonly maxConnections?: number
}

/** A registry over HTTP. Nothing is read and no connection is made before the first question. */
export function openResolver(options: ResolverOptions = {}): Registry {
  const client = openClient(options)
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
      const asking = patiently(client, signal)
      const { host, value } = await walk
        .ask(need, (host, isLast) => resolveManifest(client, host, reference, asking(isLast)), signal)
        .catch(error => {
          if (digest === undefined || !hasCode(error, 'NOT_FOUND')) throw error
          return walk.ask(
            'blob',
            (host, isLast) => resolveBlob(client, host, reference, digest, asking(isLast)),
            signal,
          )
        })
      return { reference, descriptor: value, host: new URL(host.origin).host }
    },

    fetcher(reference) {
      const suppliers = new Map<Digest, Suppliers>()
      return {
        async fetch(descriptor, fetchOptions = {}) {
          const own = embedded(reference.host, descriptor, fetchOptions)
          if (own !== undefined) return own
          const walk = await walkFor(reference)
          const noted = suppliers.get(descriptor.digest) ?? { walk, hosts: new Set() }
          suppliers.set(descriptor.digest, noted)
          const asking = notingIn(noted)
          if (descriptor.urls === undefined) {
            return await openDownload(client, asking, reference, descriptor, fetchOptions)
          }
          const { withForeign } = await import('./foreign.ts')
          return await openDownload(
            client,
            withForeign(asking, descriptor, options),
            reference,
            descriptor,
            fetchOptions,
          )
        },
        async sizeOf(digest, { signal } = {}) {
          const walk = await walkFor(reference)
          const asking = patiently(client, signal)
          const ask = (host: Host, isLast: boolean) => resolveBlob(client, host, reference, digest, asking(isLast))
          return (await walk.ask('blob', ask, signal)).value.size
        },
        distrust({ digest }) {
          const { walk, hosts = [] } = suppliers.get(digest) ?? {}
          suppliers.delete(digest)
          return [...hosts].map(host => walk?.demote(host)).includes(true)
        },
      }
    },

    async pusher(reference) {
      const { openPusher } = await import('./push.ts')
      return openPusher(client, await walkFor(reference), reference)
    },

    async tags(reference, { signal } = {}) {
      const { listTags } = await import('./tags.ts')
      const walk = await walkFor(reference)
      const asking = patiently(client, signal)
      return (await walk.ask('tag', (host, isLast) => listTags(client, host, reference, asking(isLast)), signal)).value
    },

    async referrers(reference, digest, { artifactType, signal } = {}) {
      const { listReferrers } = await import('./referrers.ts')
      const walk = await walkFor(reference)
      const asking = patiently(client, signal)
      const list = (host: Host, isLast: boolean) =>
        listReferrers(client, host, reference, digest, { artifactType, ...asking(isLast) })
      return (await walk.ask('tag', list, signal)).value
    },

    async close() {
      await client.wire.close()
    },
  }
}

/** Who has sent parts of a blob. */
interface Suppliers {
  readonly walk: Walk
  readonly hosts: Set<Host>
}

/** The walk, with whoever answers noted. */
function notingIn({ walk, hosts }: Suppliers): Walk {
  return {
    ...walk,
    async ask(...question) {
      const found = await walk.ask(...question)
      hosts.add(found.host)
      return found
    },
  }
}

function openClient({ maxConnections, ...options }: ResolverOptions): Client {
  const most = maxConnections === undefined ? {} : { connectionsPerHost: maxConnections, connections: maxConnections }
  const session = openSession({ ...options, limits: { ...most, ...options.limits } })
  const { connectionsPerHost, connections, aheadBytes } = session.limits
  return {
    ...session,
    connections: new Connections(connectionsPerHost, connections),
    ahead: { bytes: aheadBytes, refusing: new Set() },
  }
}

/** One budget for all hosts of an operation, and only for the last of them: the others answer sooner than one recovers. */
function patiently({ limits }: Client, signal: AbortSignal | undefined) {
  const patience = new Patience(limits)
  return (isLast: boolean) => ({ signal, patience: isLast ? patience : undefined })
}
