import { Inbox } from './inbox.ts'
import { loadTask } from './serve-task.ts'
import type { Run, RunOptions, Task, TaskFunction, Workers } from './workers.ts'

/** Runs tasks on the calling thread: for stores without files, and for tests. */
export function inlineWorkers(): Workers {
  return { run: runInline, close: async () => {} }
}

function runInline<Args, Up, Down, Result>(
  task: Task<Args, Up, Down, Result>,
  args: Args,
  { signal, onMessage }: RunOptions<Down> = {},
): Run<Up, Result> {
  const inbox = new Inbox<Up>()
  const given = signal ?? new AbortController().signal
  const abort = () => inbox.fail(given.reason)
  given.addEventListener('abort', abort, { once: true })
  if (given.aborted) abort()

  async function start(): Promise<Result> {
    try {
      // The task's declaration vouches for the function's type.
      const run = (await loadTask(task)) as TaskFunction<Args, Up, Down, Result>
      return await run(args, { signal: given, send: message => onMessage?.(message), next: () => inbox.next() })
    } finally {
      given.removeEventListener('abort', abort)
    }
  }
  return { result: start(), send: message => inbox.push(message), end: () => inbox.end() }
}
