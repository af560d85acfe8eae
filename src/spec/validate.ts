import * as v from 'valibot'
import { malformed, printable } from './json.ts'

/**
 * `value` as `schema` reads it; `what` names it in errors.
 *
 * Errors: MALFORMED, naming the first member that doesn't fit.
 */
export function validate<T>(schema: v.GenericSchema<unknown, T>, value: unknown, what: string): T {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  throw malformed(what, describe(result.issues[0]))
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue)
  const at = path === null ? '' : `${printable(path)} `
  if (issue.received === 'undefined') return path === null ? 'nothing there' : `${printable(path)} is missing`
  if (issue.kind === 'validation' || issue.type === 'custom') return `${at}${issue.message}`
  return `${at}is ${printable(issue.received)}, expected ${issue.expected}`
}
