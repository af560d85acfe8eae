/** What runs in a worker thread: starts the tasks it is told, each with a port of its own. */
import { type MessagePort, parentPort } from 'node:worker_threads'
import type { TaskCall } from './line.ts'
import { lineOn } from './port.ts'
import { loadTask, serveTask } from './serve-task.ts'
import type { TaskName } from './workers.ts'

export interface Start extends TaskCall {
  readonly port: MessagePort
}

/** A task that will be called: loads what it needs. */
export type Prepare = TaskName & { readonly port?: never }

parentPort?.on('message', (message: Start | Prepare) => {
  if (message.port !== undefined) serveTask(message, lineOn(message.port))
  // What fails here fails again in the call, which reports it.
  else loadTask(message).catch(() => {})
})
