/** How patient davit is with hosts, and what it takes from them at a time. Tests shorten it; users have little need to. */
export interface Limits {
  /** For a connection with its TLS handshake. */
  readonly connectMs: number
  /** From the request to the last response header: a registry may have to look a manifest up elsewhere first. */
  readonly headersMs: number
  /** From the last byte of a blob to the word that it is kept: registries move and hash large ones then. */
  readonly commitMs: number
  /** Between two pieces of a body. Time in which nobody reads doesn't count. */
  readonly idleMs: number
  /** A body that brings less than this over {@link slowMs} is broken off: a trickle would keep a pull for days. */
  readonly slowBytesPerSecond: number
  readonly slowMs: number
  /** Connections broken off for that, in a row: each took {@link slowMs}, and a host that trickles seldom stops to. */
  readonly slowConnections: number
  /** Waits between tries of one operation; their number is that of the further tries. */
  readonly backoffMs: readonly number[]
  /** Longest `Retry-After` that is waited for; a host that asks for more has refused. */
  readonly retryAfterMs: number
  /** From the first failure in a row to the last try. */
  readonly deadlineMs: number
  /** Connections that carry layers, to the hosts of one registry. More is what registries call abuse. */
  readonly connectionsPerHost: number
  readonly connections: number
  /** What one connection may be short of before others join in: one thread takes in little more than this by itself. */
  readonly fastBytesPerSecond: number
  /** How much must be missing of a blob for others to join in: their requests cost a round trip each. */
  readonly aheadFromBytes: number
  /**
   * The share of the time in which this thread must have had nothing to do: where it is the thread that is slow, and not
   * the connection, others only cost more.
   */
  readonly aheadFromIdle: number
  /** How long a reader waits for the answer to what was asked ahead of it, before it asks by itself: most answer sooner. */
  readonly aheadAnswerMs: number
  /** Memory for what came ahead of its turn, of all downloads together. */
  readonly aheadBytes: number
  /** Memory kept for chunks to come, of all downloads together: what is on its way to receivers and back. */
  readonly spareBytes: number
}

export const defaultLimits: Limits = {
  connectMs: 10_000,
  headersMs: 30_000,
  commitMs: 300_000,
  idleMs: 60_000,
  slowBytesPerSecond: 1024,
  slowMs: 30_000,
  slowConnections: 2,
  backoffMs: [250, 1_000, 2_000, 4_000],
  retryAfterMs: 60_000,
  deadlineMs: 180_000,
  connectionsPerHost: 8,
  connections: 16,
  fastBytesPerSecond: 150e6,
  aheadFromBytes: 16 * 1024 * 1024,
  aheadFromIdle: 0.5,
  aheadAnswerMs: 500,
  aheadBytes: 48 * 1024 * 1024,
  spareBytes: 16 * 1024 * 1024,
}

/** Token responses, error bodies, output of credential helpers: some kilobytes at most where they are honest. */
export const maxReplyBytes = 64 * 1024

/** Registries redirect blobs to a storage once, that one perhaps to a nearer copy. */
export const maxRedirects = 5

/** All headers of one answer: Node's own limit, twice the longest signed address of the storages in use. */
export const maxHeaderBytes = 16 * 1024
