import { ImageError } from '../errors.ts'
import { maxDocumentBytes } from '../spec/json.ts'
import { readAll } from './body.ts'
import { invalidResponse, transportError } from './failures.ts'
import type { Host } from './hosts.ts'
import { type Question, request } from './request.ts'
import type { Session } from './session.ts'
import type { Answer } from './wire.ts'

/** Some registries give ten names a page, whatever they are asked for; the largest public repositories have 10,000. */
const maxPages = 1_000

/** One page of a list, as bytes, with what its answer said. */
export interface Page {
  readonly answer: Answer
  readonly bytes: Uint8Array
}

/**
 * The pages of the list at `question`, one after the other. Only the query of a link to a next page counts: a list goes
 * on where it began.
 *
 * Errors: those of requests; LIMIT_EXCEEDED for a page above 4 MiB or for more than 1,000 pages; INVALID_RESPONSE for a
 *         link that leads elsewhere or in a circle.
 * Source: OCI distribution-spec v1.1, "Listing Tags", "Listing Referrers"; RFC 8288.
 */
export async function* pages(
  session: Session,
  host: Host,
  question: Omit<Question, 'method' | 'path'> & { readonly path: string },
): AsyncGenerator<Page, void, undefined> {
  const { purpose, signal } = question
  let path = question.path
  const seen = new Set<string>()
  for (let count = 1; ; count++) {
    if (count > maxPages) throw tooMany(purpose, 'pages', maxPages)
    seen.add(path)
    const answer = await request(session, host, { method: 'GET', ...question, path })
    const bytes = await readAll(answer.body, maxDocumentBytes).catch(error => {
      signal?.throwIfAborted()
      throw transportError(error, answer.url.host, purpose)
    })
    if (bytes === undefined) throw tooMany(purpose, 'page bytes', maxDocumentBytes)
    yield { answer, bytes }
    const next = nextOf(answer)
    if (next === undefined) return
    const url = URL.canParse(next, answer.url.href) ? new URL(next, answer.url) : undefined
    if (url?.origin !== answer.url.origin) throw invalidResponse(answer, purpose, 'has its next page elsewhere')
    path = question.path.replace(/(\?.*)?$/, () => url.search)
    if (seen.has(path)) throw invalidResponse(answer, purpose, 'has pages that lead in a circle')
  }
}

/** Where the link with `rel="next"` leads. */
function nextOf({ headers: { link = [] } }: Answer): string | undefined {
  const links = (typeof link === 'string' ? [link] : link).flatMap(line => [...line.matchAll(/<([^>]*)>([^<]*)/g)])
  return links.find(([, , parameters = '']) => /;\s*rel="?next"?\s*(;|,|$)/i.test(parameters))?.[1]
}

function tooMany(purpose: string, limit: string, max: number): ImageError {
  return new ImageError('LIMIT_EXCEEDED', `Cannot ${purpose}: more than ${max} ${limit}`, { limit, max })
}
