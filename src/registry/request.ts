import type { Auth } from './auth.ts'
import { readAll } from './body.ts'
import type { Bounds } from './bounds.ts'
import { invalidResponse, statusError } from './failures.ts'
import { type Host, urlAt } from './hosts.ts'
import { type Limits, maxReplyBytes } from './limits.ts'
import { follow } from './redirect.ts'
import { withRetries } from './retry.ts'
import type { Answer, Wire } from './wire.ts'

/** A question about a repository. */
export interface Question {
  readonly method: 'GET' | 'HEAD'
  readonly repository: string
  /** Below the repository: `manifests/latest`. */
  readonly path: string
  /** Sent wherever redirects lead: nothing that says who asks. */
  readonly headers: Readonly<Record<string, string>>
  /** For messages: `fetch manifest latest of library/alpine`. */
  readonly purpose: string
  readonly signal?: AbortSignal | undefined
}

export interface Client {
  readonly wire: Wire
  readonly auth: Auth
  readonly bounds: Bounds
  readonly limits: Limits
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * Puts `question` to `host`: logs in when asked to, follows redirects, tries again what may pass. The answer is a 2xx,
 * or one of `expected`.
 *
 * Errors: NOT_FOUND, UNAUTHORIZED, RATE_LIMITED, UNAVAILABLE, INVALID_RESPONSE, UNSAFE; the signal's reason.
 */
export async function request(
  client: Client,
  host: Host,
  question: Question,
  expected: readonly number[] = [],
): Promise<Answer> {
  return await withRetries(
    client.limits,
    async () => {
      const answer = await authorised(client, host, question)
      if ((answer.status >= 200 && answer.status < 300) || expected.includes(answer.status)) return answer
      if (answer.status < 400) throw invalidResponse(answer, question.purpose, `answers ${answer.status}`)
      throw await statusError(answer, question.purpose, accessAt(answer, client, host))
    },
    question.signal,
  )
}

async function authorised(client: Client, host: Host, question: Question): Promise<Answer> {
  const { repository, signal } = question
  const scope = `repository:${repository}:pull`
  const authorization = await client.auth.header(host, scope, signal)
  const answer = await followed(client, host, question, authorization)
  // A host that was redirected to is not the registry: it gets no credentials, whatever it asks for.
  if (answer.status !== 401 || answer.url.origin !== host.origin) return answer
  const better = await client.auth.answer(host, scope, answer, authorization, signal)
  if (better === undefined) return answer
  await readAll(answer.body, maxReplyBytes)
  return await followed(client, host, question, better)
}

async function followed(client: Client, host: Host, question: Question, authorization?: string): Promise<Answer> {
  const { method, repository, path, purpose, signal } = question
  return await follow(client, host, {
    method,
    url: urlAt(host, `${repository}/${path}`),
    headers: { ...client.headers, ...question.headers },
    own: { ...host.headers, ...(authorization === undefined ? {} : { authorization }) },
    purpose,
    signal,
  })
}

function accessAt({ url }: Answer, { auth }: Client, host: Host): string {
  return url.origin === host.origin ? auth.access(host) : 'asked without credentials after a redirect'
}
