import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { callTask } from './call-task.ts'
import type { CallerLine, FromTask } from './line.ts'
import type { FromProcess, ToProcess } from './process-main.ts'
import type { Run, RunOptions, Task, Workers } from './workers.ts'

/** Starts a program in a worker process's stead, which becomes `command` when it has done its own work. */
export type Launch = (command: readonly string[], start: Start) => Promise<ChildProcess>

/** Starts a program as worker processes are started. Errors: ENOENT, EACCES. */
export type Start = (program: string, words: readonly string[], stdio?: 'ignore' | 'pipe') => Promise<ChildProcess>

/** The build joins it with its tasks, for a process of its own has each file to read that it starts with. */
const joined = ['./process-main.cjs', '../bin/process-main.cjs']
const alone = import.meta.url.endsWith('.ts') ? './process-main.ts' : './process-main.js'

/** As in threads: chunks lie outside V8's heap, and there is little else. */
const nodeFlags = ['--max-semi-space-size=8', '--v8-pool-size=1']

/** Where programs are looked for. Nothing else of the environment is passed on. */
export const PATH =
  '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/wrappers/bin:/run/current-system/sw/bin'

/** What a program says before it fails is more than a line only by mistake. */
const MAX_COMPLAINT_CHARACTERS = 1000

/**
 * Starts a process that runs tasks as threads do. It never outlives this one; an idle one doesn't keep this one alive.
 *
 * It is in a session of its own, so that an interruption from a terminal reaches it only through its parent. If it ends,
 * its tasks reject with what it said.
 *
 * Errors: those of `launch`.
 */
export async function openProcess(launch: Launch = directly): Promise<Workers> {
  let end: Promise<string> = new Promise(() => {})
  const start: Start = async (program, words, stdio = 'ignore') => {
    const child = spawn(program, words, {
      stdio: [stdio, stdio, 'pipe', 'ipc'],
      serialization: 'advanced',
      detached: true,
      cwd: '/',
      env: { PATH },
    })
    // From the first: it may end before it is a worker.
    end = endOf(child)
    await once(child, 'spawn')
    return child
  }
  return new WorkerProcess(await launch([process.execPath, ...nodeFlags, mainPath()], start), end)
}

function mainPath(): string {
  const beside = (name: string) => fileURLToPath(new URL(name, import.meta.url))
  return joined.map(beside).find(path => existsSync(path)) ?? beside(alone)
}

const directly: Launch = ([program = '', ...words], start) => start(program, words)

class WorkerProcess implements Workers {
  readonly #child: ChildProcess
  readonly #listeners = new Map<number, (message: FromTask) => void>()
  readonly #failures = new Set<(reason: Error) => void>()
  readonly #gone: Promise<void>
  #reason: Error | undefined
  #calls = 0

  constructor(child: ChildProcess, end: Promise<string>) {
    this.#child = child
    child.on('message', ({ id, from }: FromProcess) => this.#listeners.get(id)?.(from))
    this.#gone = end.then(how => this.#fail(new Error(`Worker process ended before its task: ${how}`)))
    this.#hold(false)
  }

  run<Args, Up, Down, Result>(
    { module, name }: Task<Args, Up, Down, Result>,
    args: Args,
    options: RunOptions<Down> = {},
  ): Run<Up, Result> {
    this.#calls += 1
    const id = this.#calls
    this.#hold(true)
    this.#send({ id, call: { module, name, args } })
    const { run, fail } = callTask<Up, Down, Result>(this.#line(id), options, () => {
      this.#failures.delete(fail)
      if (this.#failures.size === 0) this.#hold(false)
    })
    this.#failures.add(fail)
    if (this.#reason !== undefined) fail(this.#reason)
    return run
  }

  async close(): Promise<void> {
    this.#hold(true)
    this.#child.kill('SIGKILL')
    await this.#gone
  }

  #line(id: number): CallerLine {
    return {
      post: to => this.#send({ id, to }),
      onMessage: listen => void this.#listeners.set(id, listen),
      close: () => void this.#listeners.delete(id),
    }
  }

  /** What can't be sent to a process that is gone, its end explains. */
  #send(message: ToProcess): void {
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  #hold(busy: boolean): void {
    const how = busy ? 'ref' : 'unref'
    this.#child[how]()
    this.#child.channel?.[how]()
  }

  #fail(error: Error): void {
    this.#reason = error
    for (const fail of [...this.#failures]) fail(error)
  }
}

/** How the child ends: what it said on stderr, or else its status. */
function endOf(child: ChildProcess): Promise<string> {
  let said = ''
  const { stderr } = child
  if (stderr instanceof Socket) {
    // Waited for only when there is no more to come.
    stderr.unref()
    child.on('exit', () => stderr.ref())
  }
  stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, MAX_COMPLAINT_CHARACTERS)
  })
  return new Promise(resolve => {
    child.on('close', (status, signal) => resolve(said.trim().replaceAll('\n', ' ') || (signal ?? `status ${status}`)))
  })
}
