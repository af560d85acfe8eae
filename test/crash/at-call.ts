import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beside } from '../support/command.ts'
import { repository } from '../support/repository.ts'

const supervisor = join(repository, 'test/crash/at-call.py')

export type Errno = 'ENOSPC' | 'EDQUOT' | 'EIO' | 'EMFILE' | 'EACCES' | 'EROFS'

/** What is to happen at a system call that changes files, counted from 1 over all threads and children; for `kill-child`, over children alone. */
export interface Fault {
  readonly at: number
  /** Killed is davit, or a child that makes a call; `shutdown` is a power cut of the file system at `mount`. */
  readonly what: 'kill' | 'kill-child' | 'shutdown' | Errno
  readonly mount?: string
  /** An error that lasts, as a full disk does. */
  readonly on?: boolean
}

export interface Ended {
  /** Null when a signal ended it. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** How many calls were made. */
  readonly calls: number
  /** How many of them by its children. */
  readonly childCalls: number
  /** The call that it happened at; undefined when the program ended before. */
  readonly hit: { readonly at: number; readonly name: string; readonly path: string } | undefined
  /** Something of it was alive long after it. */
  readonly alive: boolean
}

/** Runs a program to its end, with a fault in it, or only to count its calls. */
export async function runAt(
  words: readonly string[],
  { fault, report, env = process.env }: { fault?: Fault; report: string; env?: NodeJS.ProcessEnv },
): Promise<Ended> {
  const how = fault === undefined ? [] : ['--at', String(fault.at), '--do', fault.what]
  if (fault?.mount !== undefined) how.push('--mount', fault.mount)
  if (fault?.on === true) how.push('--on')
  const outer = await beside('python3', [supervisor, ...how, '--report', report, '--', ...words], env)
  if (outer.status !== 0) throw new Error(`the supervisor failed: ${outer.stderr}`)
  const {
    calls,
    child_calls: childCalls,
    at,
    name,
    path,
    status = null,
    alive = false,
  } = JSON.parse(readFileSync(report, 'utf8'))
  return { ...outer, status, calls, childCalls, hit: at === undefined ? undefined : { at, name, path }, alive }
}
