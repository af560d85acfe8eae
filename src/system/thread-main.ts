/** What runs in a worker thread: starts the tasks it is told, each with a port of its own. */
import { type MessagePort, parentPort } from 'node:worker_threads'
import { Inbox } from './inbox.ts'
import { packError, type TaskError } from './task-error.ts'
import type { TaskFunction } from './workers.ts'

export interface Start {
  readonly module: string
  readonly name: string
  readonly args: unknown
  readonly port: MessagePort
}

export type ToThread = { readonly message: unknown } | { readonly end: true } | { readonly abort: true }
export type FromThread = { readonly message: unknown } | { readonly result: unknown } | { readonly error: TaskError }

parentPort?.on('message', start)

async function start({ module, name, args, port }: Start): Promise<void> {
  const inbox = new Inbox<unknown>()
  const abort = new AbortController()
  const post = (message: FromThread, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, [...transfer])
  port.on('message', (message: ToThread) => {
    if ('message' in message) inbox.push(message.message)
    else if ('end' in message) inbox.end()
    else {
      abort.abort()
      inbox.fail(abort.signal.reason)
    }
  })
  try {
    const { [name]: run }: Readonly<Record<string, TaskFunction<unknown, unknown, unknown, unknown>>> = await import(
      module
    )
    if (run === undefined) throw new Error(`No task ${name} in ${module}`)
    const channel = {
      signal: abort.signal,
      send: (message: unknown, transfer?: readonly ArrayBuffer[]) => post({ message }, transfer),
      next: () => inbox.next(),
    }
    post({ result: await run(args, channel) })
  } catch (error) {
    post({ error: packError(error) })
  } finally {
    port.close()
  }
}
