import type { MessagePort } from 'node:worker_threads'
import type { Line } from './line.ts'

/** A line through a thread's message port. */
export function lineOn<Out, In>(port: MessagePort): Line<Out, In> {
  return {
    post: (message, transfer = []) => port.postMessage(message, [...transfer]),
    onMessage: listen => void port.on('message', listen),
    close: () => port.close(),
  }
}
