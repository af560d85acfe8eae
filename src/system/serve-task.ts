import { Inbox } from './inbox.ts'
import type { TaskCall, TaskLine } from './line.ts'
import { packError } from './task-error.ts'
import type { TaskFunction, TaskName } from './workers.ts'

type AnyTask = TaskFunction<unknown, unknown, unknown, unknown>
type TaskModule = Readonly<Record<string, AnyTask>>

const loaded = new Map<string, Promise<TaskModule>>()
let joined: Readonly<Record<string, () => TaskModule>> = {}

/**
 * Of a program that is one file: the modules in it, by the names of their tasks. No others are loaded for these.
 *
 * @public `tools/bundle.js` writes the one that calls it.
 */
export function joinModules(modules: Readonly<Record<string, () => TaskModule>>): void {
  joined = modules
}

/** Loads a task's module; the file is looked for but once. */
export async function loadTask({ module, name }: TaskName): Promise<AnyTask> {
  const { [name]: task } = joined[name]?.() ?? (await loadModule(module))
  if (task === undefined) throw new Error(`No task ${name} in ${module}`)
  return task
}

function loadModule(url: string): Promise<TaskModule> {
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
    const run = await loadTask({ module, name })
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
