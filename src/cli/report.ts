import { inspect } from 'node:util'
import { ImageError } from '../errors.ts'
import { printable } from '../progress/format.ts'
import { jsonVersion } from '../progress/json.ts'
import { exitStatus, statusOf } from './exit-status.ts'

/** What to do about a status, where the error itself doesn't say. */
const hints: Readonly<Record<number, string>> = {
  [exitStatus.noSpace]: 'davit gc frees what no image needs; --root DIR keeps the store elsewhere',
  [exitStatus.denied]: 'run it as the owner of the store, or keep another one with --root DIR',
}

/** The line for people: what could not be done, what was found, and what to do. */
export function errorLine(error: unknown): string {
  const hint = hintOf(error)
  return `davit: ${printable(messageOf(error))}${hint === undefined ? '' : ` (${printable(hint)})`}\n`
}

/** The same for whoever reads progress as JSON: stderr stays a line an object. */
export function errorJson(error: unknown): string {
  const code = error instanceof ImageError ? { code: error.code, details: error.details } : {}
  const hint = hintOf(error)
  return `${JSON.stringify({
    v: jsonVersion,
    time: new Date().toISOString(),
    type: 'error',
    status: statusOf(error),
    message: printable(messageOf(error)),
    ...(hint === undefined ? {} : { hint }),
    ...code,
  })}\n`
}

/** Stack and causes, for `--debug`. Still nothing that a terminal obeys. */
export function errorStack(error: unknown): string {
  return inspect(error, { depth: 6, colors: false })
    .split('\n')
    .map(line => `${line.match(/^ */)?.[0] ?? ''}${printable(line.trimStart())}\n`)
    .join('')
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' ? error.name : error.message
}

function hintOf(error: unknown): string | undefined {
  return error instanceof ImageError && error.hint !== undefined ? error.hint : hints[statusOf(error)]
}
