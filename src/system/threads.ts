import { availableParallelism } from 'node:os'
import { MessageChannel, Worker } from 'node:worker_threads'
import { callTask } from './call-task.ts'
import { lineOn } from './port.ts'
import type { Prepare, Start } from './thread-main.ts'
import type { Run, RunOptions, Task, TaskName, Workers } from './workers.ts'

/** More threads than this only add memory: the disk and the network are the bound by then. */
const MAX_THREADS = 8

/** Chunks arrive from outside the heap; a small young generation keeps a thread's share of memory small. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 6 }

/**
 * A pool of worker threads, made as they are needed; idle ones don't keep the process alive.
 *
 * Two at least, even on one core: writing and hashing wait for different things.
 */
export function openThreads({ size = Math.min(Math.max(availableParallelism(), 2), MAX_THREADS) } = {}): Workers {
  const threads: Thread[] = []

  function start(): Thread {
    const thread = new Thread()
    threads.push(thread)
    return thread
  }

  function leastBusy(): Thread {
    const idle = threads.find(thread => thread.tasks === 0)
    if (idle !== undefined) return idle
    if (threads.length < size) return start()
    return threads.reduce((best, thread) => (isLessBusy(thread, best) ? thread : best))
  }

  return {
    run: (task, args, options = {}) => leastBusy().run(task, args, options),
    prepare: task => {
      const idle = threads.find(thread => thread.tasks === 0)
      if (idle !== undefined || threads.length < size) (idle ?? start()).prepare(task)
    },
    close: async () => {
      await Promise.all(threads.splice(0).map(thread => thread.close()))
    },
  }
}

function isLessBusy(one: Thread, other: Thread): boolean {
  return one.weight < other.weight || (one.weight === other.weight && one.tasks < other.tasks)
}

class Thread {
  readonly #worker = new Worker(
    new URL(import.meta.url.endsWith('.ts') ? './thread-main.ts' : './thread-main.js', import.meta.url),
    {
      resourceLimits: RESOURCE_LIMITS,
    },
  )
  readonly #failures = new Set<(reason: Error) => void>()
  tasks = 0
  /** Of its tasks together. */
  weight = 0

  constructor() {
    this.#worker.unref()
    this.#worker.on('error', error => this.#fail(error))
    this.#worker.on('exit', () => this.#fail(new Error('Worker thread ended before its task')))
  }

  run<Args, Up, Down, Result>(
    { module, name }: Task<Args, Up, Down, Result>,
    args: Args,
    { weight = 0, ...options }: RunOptions<Down>,
  ): Run<Up, Result> {
    const { port1, port2 } = new MessageChannel()
    this.tasks += 1
    this.weight += weight
    this.#worker.ref()
    this.#worker.postMessage({ module, name, args, port: port2 } satisfies Start, [port2])
    const { run, fail } = callTask<Up, Down, Result>(lineOn(port1), options, () => {
      this.#failures.delete(fail)
      this.tasks -= 1
      this.weight -= weight
      if (this.tasks === 0) this.#worker.unref()
    })
    this.#failures.add(fail)
    return run
  }

  prepare({ module, name }: TaskName): void {
    this.#worker.postMessage({ module, name } satisfies Prepare)
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #fail(error: Error): void {
    for (const fail of [...this.#failures]) fail(error)
  }
}
