import { spawn } from 'node:child_process'
import * as v from 'valibot'
import { errnoOf, ImageError } from '../errors.ts'
import type { Credentials } from './credentials.ts'
import { printable } from './failures.ts'
import { maxReplyBytes } from './limits.ts'

/** A helper may have to wake a keychain, not to wait for a person. */
const helperLimitMs = 10_000

/** How helpers say that they have nothing; it stands on standard output, with exit status 1. */
const notFound = 'credentials not found'

/** The user name that marks the secret as an identity token. */
const tokenUser = '<token>'

const answerSchema = v.object({ Username: v.string(), Secret: v.string() })

/**
 * Asks `docker-credential-NAME` for the credentials it keeps for `server`; undefined when it has none.
 *
 * Errors: UNAUTHORIZED when it is missing, fails, says something else or takes longer than 10 s.
 * Source: docker/docker-credential-helpers, "Development": `get`, server address on standard input.
 */
export async function askHelper(name: string, server: string, signal?: AbortSignal): Promise<Credentials | undefined> {
  const program = `docker-credential-${name}`
  const failed = (found: string): ImageError =>
    new ImageError('UNAUTHORIZED', `Cannot get credentials for ${server}: ${program} ${found}`, { host: server })
  if (!/^[\w.-]+$/.test(name)) throw failed('is no name of a helper')
  const { status, output } = await run(program, server, failed, signal)
  if (output.includes(notFound)) return undefined
  if (status !== 0) throw failed(`fails: ${printable(output) || `exit status ${status}`}`)
  const answer = v.safeParse(answerSchema, jsonIn(output))
  if (!answer.success) throw failed('answers with something else than credentials')
  const { Username: username, Secret: secret } = answer.output
  if (username === '' && secret === '') return undefined
  return username === tokenUser
    ? { identityToken: secret, source: program }
    : { username, password: secret, source: program }
}

function run(
  program: string,
  input: string,
  failed: (found: string) => ImageError,
  signal?: AbortSignal,
): Promise<{ readonly status: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'ignore'] })
    const giveUp = (reason: unknown) => {
      child.kill('SIGKILL')
      child.stdout.destroy()
      reject(reason)
    }
    const onAbort = () => giveUp(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const timer = setTimeout(() => giveUp(failed(`does not answer within ${helperLimitMs / 1000} s`)), helperLimitMs)

    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.length > maxReplyBytes) giveUp(failed('answers too much'))
    })
    child.stdin.on('error', () => {}) // it may answer without reading
    child.stdin.end(`${input}\n`)
    child.on('error', error => giveUp(failed(errnoOf(error) === 'ENOENT' ? 'is not installed' : 'cannot be run')))
    child.on('close', status => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      resolve({ status, output })
    })
  })
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
