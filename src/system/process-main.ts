/**
 * What runs in a worker process: starts the tasks it is told, each on a line of its own over the one channel to the
 * parent. It ends with that channel.
 */
import type { FromTask, TaskCall, ToTask } from './line.ts'
import { serveTask } from './serve-task.ts'
import { openSys } from './sys/linux.ts'

export type ToProcess = { readonly id: number } & ({ readonly call: TaskCall } | { readonly to: ToTask })
export type FromProcess = { readonly id: number; readonly from: FromTask }

const listeners = new Map<number, (message: ToTask) => void>()

// Whatever it is at: nobody is left to work for, or to be told.
openSys().dieWithParent()
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.on('message', (message: ToProcess) => {
  const { id } = message
  if ('to' in message) {
    listeners.get(id)?.(message.to)
    return
  }
  void serveTask(message.call, {
    post: from => process.send?.({ id, from } satisfies FromProcess),
    onMessage: listen => void listeners.set(id, listen),
    close: () => void listeners.delete(id),
  })
})
