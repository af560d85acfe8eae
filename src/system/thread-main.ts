/** What runs in a worker thread: starts the tasks it is told, each with a port of its own. */
import { type MessagePort, parentPort } from 'node:worker_threads'
import type { TaskCall } from './line.ts'
import { lineOn } from './port.ts'
import { serveTask } from './serve-task.ts'

export interface Start extends TaskCall {
  readonly port: MessagePort
}

parentPort?.on('message', ({ port, ...call }: Start) => serveTask(call, lineOn(port)))
