import { readAll } from './body.ts'
import type { Connections } from './connections.ts'
import { invalidResponse, statusError, transportError } from './failures.ts'
import { type Host, urlAt } from './hosts.ts'
import { maxReplyBytes } from './limits.ts'
import { type Errand, follow } from './redirect.ts'
import type { Patience } from './retry.ts'
import type { Session } from './session.ts'
import type { Answer } from './wire.ts'

/** A question about a repository. */
export interface Question
  extends Pick<Errand, 'method' | 'headers' | 'headersAt' | 'body' | 'headersMs' | 'purpose' | 'signal'> {
  readonly repository: string
  /** Below the repository: `manifests/latest`; or where the host has said to go on. */
  readonly path: string | URL
  /** What must be allowed for it. Default: to pull from the repository. */
  readonly scope?: string | undefined
  /** Where the answer was found before: asked first, and then no more when it refuses, as addresses that expire do. */
  readonly shortcut?: URL | undefined
  /** For trying again what may pass; without it, the first failure stands. */
  readonly patience?: Patience | undefined
}

/** A session that carries layers, too. */
export interface Client extends Session {
  readonly connections: Connections
  /** Of what comes ahead of its turn: the memory that is left for it, and the origins that don't do ranges. */
  readonly ahead: { bytes: number; readonly refusing: Set<string> }
}

/**
 * Puts `question` to `host`: logs in when asked to, follows redirects, tries again what may pass. The answer is a 2xx,
 * or one of `expected`.
 *
 * Errors: NOT_FOUND, UNAUTHORIZED, RATE_LIMITED, UNAVAILABLE, INVALID_RESPONSE, UNSAFE; the signal's reason.
 */
export async function request(
  client: Session,
  host: Host,
  question: Question,
  expected: readonly number[] = [],
): Promise<Answer> {
  const { patience, purpose, signal } = question
  return await (patience === undefined ? attempt() : patience.run(attempt, signal))

  async function attempt(): Promise<Answer> {
    const answer = (await shortcut(client, host, question)) ?? (await asked(client, host, question))
    if ((answer.status >= 200 && answer.status < 300) || expected.includes(answer.status)) return answer
    if (answer.status < 400) throw invalidResponse(answer, purpose, `answers ${answer.status}`)
    throw await statusError(answer, purpose, accessAt(answer, client, host))
  }
}

/** What a known address answers, when it still serves. */
async function shortcut(client: Session, host: Host, question: Question): Promise<Answer | undefined> {
  const { shortcut: url, signal } = question
  if (url === undefined) return undefined
  const headers = { ...client.headers, ...question.headers }
  const answer = await follow(client, host, { ...question, url, headers, own: {} }).catch(() => {
    signal?.throwIfAborted()
    return undefined
  })
  if (answer === undefined || answer.status < 400 || answer.status === 416) return answer
  answer.body.close()
  return undefined
}

async function asked(client: Session, host: Host, question: Question): Promise<Answer> {
  if (host.address !== undefined) {
    const headers = { ...client.headers, ...question.headers }
    return await follow(client, host, { ...question, url: host.address, headers, own: {} })
  }
  const answer = await authorised(client, host, question)
  if (question.body !== undefined || !isStaleAddress(answer, host)) return answer
  answer.body.close()
  return await authorised(client, host, question)
}

/** A storage refuses addresses whose signature has expired; registries keep such addresses a little too long. */
function isStaleAddress({ status, url }: Answer, { origin }: Host): boolean {
  return url.origin !== origin && (status === 400 || status === 403)
}

async function authorised(client: Session, host: Host, question: Question): Promise<Answer> {
  const { repository, purpose, signal } = question
  const { scope = `repository:${repository}:pull` } = question
  const authorization = await client.auth.header(host, scope, signal)
  const answer = await followed(client, host, question, authorization)
  // A host that was redirected to is not the registry: it gets no credentials, whatever it asks for.
  if (answer.status !== 401 || answer.url.origin !== host.origin) return answer
  const better = await client.auth.answer(host, scope, answer, authorization, signal)
  if (better === undefined) return answer
  await readAll(answer.body, maxReplyBytes).catch(error => {
    signal?.throwIfAborted()
    throw transportError(error, answer.url.host, purpose)
  })
  return await followed(client, host, question, better)
}

async function followed(client: Session, host: Host, question: Question, authorization?: string): Promise<Answer> {
  const { repository, path } = question
  return await follow(client, host, {
    ...question,
    url: typeof path === 'string' ? urlAt(host, `${repository}/${path}`) : path,
    headers: { ...client.headers, ...question.headers },
    own: { ...host.headers, ...(authorization === undefined ? {} : { authorization }) },
  })
}

function accessAt({ url }: Answer, { auth }: Session, host: Host): string {
  if (host.address !== undefined) return 'asked without credentials'
  return url.origin === host.origin ? auth.access(host) : 'asked without credentials after a redirect'
}
