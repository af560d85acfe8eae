import { spawn } from 'node:child_process'
import * as v from 'valibot'
import { errnoOf, ImageError } from '../errors.ts'
import type { Credentials, Login } from './credentials.ts'
import { printable } from './failures.ts'
import { maxReplyBytes } from './limits.ts'

/** A helper may have to wake a keychain, not to wait for a person. */
const helperLimitMs = 10_000

/** How helpers say that they have nothing; it stands on standard output, with exit status 1. */
const notFound = 'credentials not found'

/** The user name that marks the secret as an identity token. */
const tokenUser = '<token>'

const answerSchema = v.object({ Username: v.string(), Secret: v.string() })

/** One run of a helper. */
interface Errand {
  readonly name: string
  readonly verb: 'get' | 'store' | 'erase'
  readonly server: string
  readonly input: string
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks `docker-credential-NAME` for the credentials it keeps for `server`; undefined when it has none.
 *
 * Errors: UNAUTHORIZED when it is missing, fails, says something else or takes longer than 10 s.
 * Source: docker/docker-credential-helpers, "Development": `get`, server address on standard input.
 */
export async function askHelper(name: string, server: string, signal?: AbortSignal): Promise<Credentials | undefined> {
  const output = await run({ name, verb: 'get', server, input: server, signal })
  if (output === undefined) return undefined
  const program = programOf(name)
  const answer = v.safeParse(answerSchema, jsonIn(output))
  if (!answer.success) throw failure({ name, verb: 'get', server }, 'answers with something else than credentials')
  const { Username: username, Secret: secret } = answer.output
  if (username === '' && secret === '') return undefined
  return username === tokenUser
    ? { identityToken: secret, source: program }
    : { username, password: secret, source: program }
}

/** Gives `login` for `server` into the keeping of a helper. Errors: as those of {@link askHelper}. */
export async function tellHelper(name: string, server: string, login: Login, signal?: AbortSignal): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: login.username, Secret: login.password })
  await run({ name, verb: 'store', server, input, signal })
}

/** Has a helper forget `server`; false when it knew nothing. Errors: as those of {@link askHelper}. */
export async function clearHelper(name: string, server: string, signal?: AbortSignal): Promise<boolean> {
  return (await run({ name, verb: 'erase', server, input: server, signal })) !== undefined
}

/** What the helper says; undefined when it has no such credentials. */
async function run(errand: Errand): Promise<string | undefined> {
  if (!/^[\w.-]+$/.test(errand.name)) throw failure(errand, 'is no name of a helper')
  const { status, output } = await outcome(errand)
  if (output.includes(notFound)) return undefined
  if (status !== 0) throw failure(errand, `fails: ${printable(output) || `exit status ${status}`}`)
  return output
}

function outcome(errand: Errand): Promise<{ readonly status: number | null; readonly output: string }> {
  const { name, verb, input, signal } = errand
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const child = spawn(programOf(name), [verb], { stdio: ['pipe', 'pipe', 'ignore'] })
    const giveUp = (reason: unknown) => {
      child.kill('SIGKILL')
      child.stdout.destroy()
      reject(reason)
    }
    const onAbort = () => giveUp(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    const late = () => giveUp(failure(errand, `does not answer within ${helperLimitMs / 1000} s`))
    const timer = setTimeout(late, helperLimitMs)

    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      if (output.length > maxReplyBytes) giveUp(failure(errand, 'answers too much'))
    })
    child.stdin.on('error', () => {}) // it may answer without reading
    child.stdin.end(`${input}\n`)
    child.on('error', error => {
      reject(failure(errand, errnoOf(error) === 'ENOENT' ? 'is not installed' : 'cannot be run'))
    })
    child.on('close', status => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      resolve({ status, output })
    })
  })
}

const deeds = { get: 'get credentials for', store: 'store credentials for', erase: 'remove credentials for' } as const

function failure({ name, verb, server }: Pick<Errand, 'name' | 'verb' | 'server'>, found: string): ImageError {
  const message = `Cannot ${deeds[verb]} ${server}: ${programOf(name)} ${found}`
  return new ImageError('UNAUTHORIZED', message, { host: server })
}

function programOf(name: string): string {
  return `docker-credential-${name}`
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
