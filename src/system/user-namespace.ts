import { type ChildProcess, execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { promisify } from 'node:util'
import { errnoOf } from '../errors.ts'
import { type Launch, PATH } from './process.ts'

/** Ids of the machine that an ordinary user may hand out. */
export interface SubordinateIds {
  readonly uids: readonly IdRange[]
  readonly gids: readonly IdRange[]
}

type IdRange = readonly [first: number, count: number]

/** Waits for its ids. What it then becomes has every privilege in its namespace. */
const waiting = 'echo && read -r _ && exec "$@" </dev/null >/dev/null'

/**
 * Starts a program as root of a user namespace of its own, with a mount namespace of its own. Root there is this
 * process's user, the ids after it are the subordinate ones; without those, there is nobody else.
 *
 * A process with several threads, as Node's have, can't enter a user namespace: a program goes first.
 *
 * Errors: ENOENT when unshare, newuidmap or newgidmap isn't installed; what the latter say. A namespace that can't be
 * made shows by the program's end.
 */
export function inNewUserNamespace(ids: SubordinateIds | undefined): Launch {
  return async (command, start) => {
    const child = await start('unshare', ['-U', '-m', '--', 'sh', '-c', waiting, 'sh', ...command], 'pipe')
    const { pid = 0 } = child
    if (!(await saysSomething(child))) return child
    try {
      if (ids === undefined) mapOneself(pid)
      else await mapAll(pid, ids)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
    child.stdin?.end('\n')
    return child
  }
}

/** What this process's user may hand out (subuid(5), subgid(5)); undefined when that is nothing. */
export function subordinateIds(): SubordinateIds | undefined {
  const owners = ownNames()
  const [uids, gids] = [rangesOf(owners, '/etc/subuid'), rangesOf(owners, '/etc/subgid')]
  return uids.length > 0 && gids.length > 0 ? { uids, gids } : undefined
}

/** How subuid(5) may name this process's user: one that has no account has only a number. */
function ownNames(): readonly string[] {
  const uid = String(process.geteuid?.() ?? 0)
  try {
    return [userInfo().username, uid]
  } catch {
    return [uid]
  }
}

function rangesOf(owners: readonly string[], path: string): readonly IdRange[] {
  return linesOf(path).flatMap(line => {
    const [owner = '', first = '', count = ''] = line.split(':')
    const isRange = owners.includes(owner) && /^\d+$/.test(first) && /^\d+$/.test(count)
    return isRange ? [[Number(first), Number(count)] as const] : []
  })
}

function linesOf(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').split('\n')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

/** False when it ends instead. */
function saysSomething({ stdout }: ChildProcess): Promise<boolean> {
  return new Promise(resolve => {
    stdout?.once('data', () => resolve(true))
    stdout?.once('close', () => resolve(false))
  })
}

/** Without privilege one may map oneself, and must give up setgroups(2) for it (user_namespaces(7)). */
function mapOneself(pid: number): void {
  writeFileSync(`/proc/${pid}/setgroups`, 'deny')
  writeFileSync(`/proc/${pid}/uid_map`, `0 ${process.geteuid?.()} 1`)
  writeFileSync(`/proc/${pid}/gid_map`, `0 ${process.getegid?.()} 1`)
}

async function mapAll(pid: number, { uids, gids }: SubordinateIds): Promise<void> {
  const run = promisify(execFile)
  await run('newuidmap', mapping(pid, process.geteuid?.() ?? 0, uids), { env: { PATH } })
  await run('newgidmap', mapping(pid, process.getegid?.() ?? 0, gids), { env: { PATH } })
}

/** The words that newuidmap(1) takes. */
function mapping(pid: number, own: number, ranges: readonly IdRange[]): string[] {
  const words = [pid, 0, own, 1]
  let inside = 1
  for (const [first, count] of ranges) {
    words.push(inside, first, count)
    inside += count
  }
  return words.map(String)
}
