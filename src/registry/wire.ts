import type { Dispatcher } from 'undici'
import type { Reach, Within } from './address.ts'
import { openAgents } from './agents.ts'
import { Body, type Source } from './body.ts'
import { checkLiteral } from './bounds.ts'
import type { Connection } from './hosts.ts'
import type { Limits } from './limits.ts'
import { Memory } from './memory.ts'
import { Meter, watchPace } from './meter.ts'
import { type Proxies, proxyFor } from './proxies.ts'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'

/** One question to one host. */
export interface Exchange {
  readonly method: Method
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** A stream has its length in the headers. It is closed when the answer comes before its end. */
  readonly body?: string | Uint8Array | AsyncIterable<Uint8Array> | undefined
  /** How long the head of the answer may take after the last of the body. Default: the limit's. */
  readonly headersMs?: number | undefined
  readonly connection?: Connection
  /** Which addresses may be connected. Default: all. */
  readonly within?: Within
  readonly signal?: AbortSignal | undefined
}

/** Its answer; the body must be read or closed. */
export interface Answer {
  readonly url: URL
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: Body
  /** Of the body, as it comes. */
  readonly meter: Meter
}

/** Connections to hosts, kept while they are of use. Knows nothing of redirects, credentials or second tries. */
export interface Wire {
  /** Errors: the transport's own; `signal`'s reason. */
  exchange(exchange: Exchange): Promise<Answer>
  /** Of the chunks of bodies: to be given back. */
  readonly memory: Memory
  /** What kind of address was connected for `origin`, as `Agents`; undefined before the first. */
  reachAt(origin: string): Reach | undefined
  /** Breaks off what is under way; later exchanges reject. */
  close(): Promise<void>
}

export interface WireOptions {
  readonly proxies?: Proxies
  /** Where the CAs of this machine may be, as PEM; the first file that there is counts. */
  readonly caFiles?: readonly string[]
}

/**
 * Through proxies, where there are any for a URL. The CAs of this machine are read when one of the built-in ones isn't
 * enough: all of them take longer to load than everything else.
 */
export function openWire(limits: Limits, { proxies = {}, caFiles = [] }: WireOptions = {}): Wire {
  const memory = new Memory(limits.spareBytes)
  const agents = openAgents(limits, memory, caFiles)
  const needsSystem = new Set<string>()
  let closed = false
  return {
    async exchange(exchange) {
      if (closed) throw new Error('The resolver is closed')
      const { url, connection, within = 'anywhere' } = exchange
      checkLiteral(url, within)
      const route = { connection, within, proxy: proxyFor(url, proxies)?.href }
      const attempt = async (trustsSystem: boolean) =>
        await dispatch(await agents.agentFor({ ...route, trustsSystem }), exchange, { limits, memory })
      if (needsSystem.has(url.origin)) return await attempt(true)
      try {
        return await attempt(false)
      } catch (error) {
        if (caFiles.length === 0 || !isUnknownIssuer(error)) throw error
        needsSystem.add(url.origin)
        return await attempt(true)
      }
    },
    memory,
    reachAt: agents.reachAt,
    async close() {
      closed = true
      await agents.destroy()
    },
  }
}

/** The certificate is of nobody who is known; nothing was asked yet. */
function isUnknownIssuer(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN)$/.test(code)
}

/** Answers before the answer (1xx): each sets the clock back, so that without a limit they could go on for ever. */
const maxInterim = 10

function dispatch(
  agent: Dispatcher,
  { method, url, headers, body, headersMs, signal }: Exchange,
  { limits, memory }: { readonly limits: Limits; readonly memory: Memory },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    let controller: Dispatcher.DispatchController | undefined
    let answered: Pick<Answer, 'body' | 'meter'> | undefined
    let stopWatching = () => {}
    let interim = 0

    const abort = () => {
      reject(signal?.reason)
      answered?.body.abort(signal?.reason)
      controller?.abort(new Error('aborted'))
    }
    const settle = () => {
      signal?.removeEventListener('abort', abort)
      stopWatching()
    }
    signal?.addEventListener('abort', abort, { once: true })

    agent.dispatch(
      {
        method,
        origin: url.origin,
        path: url.pathname + url.search,
        headers: { ...headers, 'accept-encoding': 'identity' },
        // undici takes any async iterable, though its types know streams alone.
        ...(body === undefined ? {} : { body: body as NonNullable<Dispatcher.DispatchOptions['body']> }),
        ...(headersMs === undefined ? {} : { headersTimeout: headersMs }),
      },
      {
        onRequestStart(started) {
          controller = started
          if (signal?.aborted) started.abort(new Error('aborted'))
        },
        onResponseStart(started, status, received) {
          if (status < 200) {
            interim += 1
            if (interim > maxInterim) started.abort(new Error(`more than ${maxInterim} interim answers`))
            return
          }
          const meter = new Meter()
          const body = new Body(metered(started, meter), contentLength({ headers: received }), memory)
          stopWatching = watchPace(meter, limits, error => {
            body.fail(error)
            started.abort(error)
          })
          answered = { body, meter }
          resolve({ url, status, headers: received, body, meter })
        },
        onResponseData(_, chunk) {
          answered?.meter.add(chunk.length)
          answered?.body.push(chunk)
        },
        onResponseEnd() {
          settle()
          answered?.body.end()
        },
        onResponseError(_, error) {
          settle()
          reject(error)
          answered?.body.fail(error)
        },
      },
    )
  })
}

/** `source`, of which `meter` knows when it is paused. */
function metered(source: Source, meter: Meter): Source {
  return {
    pause() {
      meter.pause()
      source.pause()
    },
    resume() {
      meter.resume()
      source.resume()
    },
    abort: reason => source.abort(reason),
  }
}

/** A header that makes sense only once; undefined when it is missing or repeated. */
export function header({ headers }: Pick<Answer, 'headers'>, name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' ? value : undefined
}

/** The announced length of the body, in bytes. */
export function contentLength(answer: Pick<Answer, 'headers'>): number | undefined {
  const digits = header(answer, 'content-length')
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : undefined
}
