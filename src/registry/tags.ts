import * as v from 'valibot'
import { parseJson } from '../spec/json.ts'
import type { Reference } from '../spec/reference.ts'
import { tagPattern } from '../spec/reference-grammar.ts'
import { validate } from '../spec/validate.ts'
import type { Host } from './hosts.ts'
import { pages } from './pages.ts'
import type { Question } from './request.ts'
import type { Session } from './session.ts'

/** As many as registries give at a time. */
const pageLength = 1_000

const schema = v.object({ tags: v.nullish(v.array(v.pipe(v.string(), v.regex(tagPattern, 'is no tag')))) })

/**
 * The tags of the reference's repository at `host`, in the registry's order.
 *
 * Errors: those of pages; MALFORMED.
 * Source: OCI distribution-spec v1.1, "Listing Tags".
 */
export async function listTags(
  session: Session,
  host: Host,
  { repository }: Reference,
  options: Pick<Question, 'patience' | 'signal'>,
): Promise<readonly string[]> {
  const purpose = `list tags of ${repository}`
  const headers = { accept: 'application/json' }
  const question = { repository, path: `tags/list?n=${pageLength}`, headers, purpose, ...options }
  const tags: string[] = []
  for await (const { bytes } of pages(session, host, question)) {
    tags.push(...(validate(schema, parseJson(bytes, 'list of tags'), 'list of tags').tags ?? []))
  }
  return tags
}
