/** How long a host may keep davit waiting, and how often it is asked again. Tests shorten it; users have no need to. */
export interface Limits {
  /** For a connection with its TLS handshake. */
  readonly connectMs: number
  /** From the request to the last response header: a registry may have to look a manifest up elsewhere first. */
  readonly headersMs: number
  /** Between two pieces of a body. Time in which nobody reads doesn't count. */
  readonly idleMs: number
  /** Waits between tries of one request; their number is that of the further tries. */
  readonly backoffMs: readonly number[]
  /** Longest `Retry-After` that is waited for; a host that asks for more has refused. */
  readonly retryAfterMs: number
}

export const defaultLimits: Limits = {
  connectMs: 10_000,
  headersMs: 30_000,
  idleMs: 60_000,
  backoffMs: [250, 1_000],
  retryAfterMs: 60_000,
}

/** Token responses, error bodies, output of credential helpers: some kilobytes at most where they are honest. */
export const maxReplyBytes = 64 * 1024

/** Registries redirect blobs to a storage once, that one perhaps to a nearer copy. */
export const maxRedirects = 5

/** All headers of one answer: Node's own limit, twice the longest signed address of the storages in use. */
export const maxHeaderBytes = 16 * 1024
