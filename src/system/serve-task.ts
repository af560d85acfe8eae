import { Inbox } from './inbox.ts'
import type { TaskCall, TaskLine } from './line.ts'
import { packError } from './task-error.ts'
import type { TaskFunction } from './workers.ts'

type TaskModule = Readonly<Record<string, TaskFunction<unknown, unknown, unknown, unknown>>>

const loaded = new Map<string, Promise<TaskModule>>()

/** Loads a task's module; the file is looked for but once. */
export function loadModule(url: string): Promise<TaskModule> {
  const known = loaded.get(url)
  if (known !== undefined) return known
  const module: Promise<TaskModule> = import(url)
  loaded.set(url, module)
  return module
}

/** Runs a task to its end, on its own end of the line. Never rejects. */
export async function serveTask({ module, name, args }: TaskCall, line: TaskLine): Promise<void> {
  const inbox = new Inbox<unknown>()
  const abort = new AbortController()
  line.onMessage(message => {
    if ('message' in message) inbox.push(message.message)
    else if ('end' in message) inbox.end()
    else {
      abort.abort()
      inbox.fail(abort.signal.reason)
    }
  })
  try {
    const { [name]: run } = await loadModule(module)
    if (run === undefined) throw new Error(`No task ${name} in ${module}`)
    const channel = {
      signal: abort.signal,
      send: (message: unknown, transfer?: readonly ArrayBuffer[]) => line.post({ message }, transfer),
      next: () => inbox.next(),
    }
    line.post({ result: await run(args, channel) })
  } catch (error) {
    line.post({ error: packError(error) })
  } finally {
    line.close()
  }
}
