import type { Reference } from '../spec/reference.ts'
import { hostsDirOf } from './hosts-dir.ts'
import type { NamedOptions } from './named.ts'
import { ownHosts } from './own-hosts.ts'

/** `pull`: serves content by digest. `resolve`: trusted to say what a tag means. `push`: takes what is written. */
export type Capability = 'pull' | 'resolve' | 'push'

/** One place that serves a registry's API. */
export interface Host {
  /** As people name it, `host[:port]`, Hub as docker.io: credentials are kept under this name. A mirror has its own. */
  readonly name: string
  readonly origin: string
  /** Path of the API, without a final slash. */
  readonly prefix: string
  readonly capabilities: readonly Capability[]
  /** Sent to this origin only. */
  readonly headers: Readonly<Record<string, string>>
  readonly connection: Connection
  /** The registry that this host stands in for, as references name it; undefined for that registry itself. */
  readonly mirrorOf?: string
  /** Its scheme is a guess: the next host is the same one in the other scheme. */
  readonly isGuess?: true
  /** Its scheme is what the user said of all registries. */
  readonly isPlainByChoice?: true
  /** Of one foreign blob: all that there is, and never asked with credentials. */
  readonly address?: URL
  /** Where all this was found, for people: a file, or `built in`. */
  readonly source: string
}

/** How to connect, beyond what the URL says. */
export interface Connection {
  /** PEM: trusted beside the system's. */
  readonly ca?: readonly string[]
  /** PEM: what davit shows of itself. */
  readonly client?: readonly { readonly cert: string; readonly key: string }[]
  /** Takes any certificate. */
  readonly skipVerify?: boolean
  /** For the connection with its TLS handshake; default: the limit's. */
  readonly dialTimeoutMs?: number
}

export interface HostsOptions extends NamedOptions {
  /** Of registries themselves; a mirror has its scheme in its URL. */
  readonly plainHttp?: boolean
}

/**
 * The hosts that serve `reference`, in the order in which they are asked.
 *
 * Shape:  mirrors first, the registry itself last.
 * Errors: MALFORMED for files about hosts, naming file and key.
 */
export async function hostsOf({ host: name }: Reference, options: HostsOptions): Promise<readonly Host[]> {
  const { plainHttp = false } = options
  const dir = hostsDirOf(name, options)
  if (dir === undefined) return ownHosts(name, plainHttp)
  // Loaded where there is something to read: start-up counts.
  const { configuredHosts } = await import('./configured-hosts.ts')
  return await configuredHosts(dir, { name, plainHttp })
}

/** The URL of `path` below the API of `host`. A mirror of several registries is told which one is meant, by `ns`. */
export function urlAt({ origin, prefix, mirrorOf }: Host, path: string): URL {
  const url = new URL(`${prefix}/${path}`, origin)
  if (mirrorOf !== undefined) url.searchParams.set('ns', mirrorOf)
  return url
}

/**
 * How to connect to `url`, where `host` has led: to itself as it says. Elsewhere only its CA still counts; certificates
 * of one's own, and carelessness about those of others, are for one host.
 */
export function connectionTo(url: URL, { origin, connection }: Host): Connection {
  if (url.origin === origin) return connection
  return connection.ca === undefined ? {} : { ca: connection.ca }
}
