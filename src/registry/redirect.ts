import { ImageError } from '../errors.ts'
import { readAll } from './body.ts'
import type { Bounds } from './bounds.ts'
import { invalidResponse, redacted, transportError } from './failures.ts'
import { connectionTo, type Host } from './hosts.ts'
import { maxRedirects, maxReplyBytes } from './limits.ts'
import { type Answer, header, type Method, type Wire } from './wire.ts'

/** One request, wherever it is sent to. */
export interface Errand {
  readonly method: Method
  readonly url: URL
  /** Sent wherever redirects lead: nothing that says who asks. */
  readonly headers: Readonly<Record<string, string>>
  /** What to send to this address beside that. */
  readonly headersAt?: ((url: URL) => Readonly<Record<string, string>>) | undefined
  /** Sent to the origin of the host alone. */
  readonly own: Readonly<Record<string, string>>
  readonly purpose: string
  /** A stream is made anew whenever the request is sent. */
  readonly body?: Uint8Array | (() => AsyncIterable<Uint8Array>) | undefined
  readonly headersMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

const redirects = [301, 302, 303, 307, 308]

/**
 * Runs an errand on behalf of `host`, and follows redirects by hand: what the host alone may know stays with it, TLS is
 * never given up for less, and each address is judged when it is connected. What is written is not taken elsewhere: a
 * registry that has its uploads elsewhere says so by a location.
 *
 * Errors: INVALID_RESPONSE; UNSAFE for a redirect into the own machine or network; UNAVAILABLE.
 */
export async function follow(
  { wire, bounds }: { readonly wire: Wire; readonly bounds: Bounds },
  host: Host,
  { method, url: start, headers, headersAt = () => ({}), own, purpose, signal, ...errand }: Errand,
): Promise<Answer> {
  let url = start
  let from = new URL(host.origin)
  for (let hops = 0; ; hops++) {
    const all = { ...headers, ...headersAt(url), ...(url.origin === host.origin ? own : {}) }
    const connection = connectionTo(url, host)
    const within = bounds.within(url, from, host)
    const body = typeof errand.body === 'function' ? errand.body() : errand.body
    const answer = await wire
      .exchange({ method, url, headers: all, body, headersMs: errand.headersMs, connection, within, signal })
      .catch(error => {
        signal?.throwIfAborted()
        // A body may fail by itself, and says then why.
        throw error instanceof ImageError ? error : transportError(error, url.host, purpose)
      })
    if (!redirects.includes(answer.status)) return answer
    if (method !== 'GET' && method !== 'HEAD') throw invalidResponse(answer, purpose, 'redirects what is written')
    if (hops === maxRedirects) throw invalidResponse(answer, purpose, `redirects more than ${maxRedirects} times`)
    from = url
    url = locationIn(answer, purpose)
    await readAll(answer.body, maxReplyBytes).catch(() => {}) // nobody wants it; a broken connection shows on the next
    signal?.throwIfAborted()
  }
}

/**
 * Where an answer sends to, relative or absolute.
 *
 * Errors: INVALID_RESPONSE for nowhere, and for one without TLS where the answer came over TLS.
 */
export function locationIn(answer: Answer, purpose: string): URL {
  const location = header(answer, 'location') ?? ''
  const next = URL.canParse(location, answer.url.href) ? new URL(location, answer.url) : undefined
  if (location === '' || next === undefined) throw invalidResponse(answer, purpose, 'redirects to nowhere')
  next.username = next.password = ''
  if (next.protocol !== 'https:' && next.protocol !== answer.url.protocol) {
    throw invalidResponse(answer, purpose, `redirects from ${answer.url.protocol}// to ${redacted(next)}`)
  }
  return next
}
