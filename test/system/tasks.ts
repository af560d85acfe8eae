import { threadId } from 'node:worker_threads'
import { ImageError } from '../../src/errors.ts'
import type { Channel, Task } from '../../src/system/workers.ts'

export const sum: Task<number, number, string, number> = { module: import.meta.url, name: sumTask.name }
export const fail: Task<'image' | 'system' | 'plain', never, never, never> = {
  module: import.meta.url,
  name: failTask.name,
}
export const forever: Task<undefined, never, string, never> = { module: import.meta.url, name: foreverTask.name }
export const where: Task<undefined, never, never, number> = { module: import.meta.url, name: whereTask.name }
export const size: Task<undefined, Uint8Array, Uint8Array, number> = { module: import.meta.url, name: sizeTask.name }

export async function sumTask(start: number, channel: Channel<number, string>): Promise<number> {
  let total = start
  for (let next = await channel.next(); next !== undefined; next = await channel.next()) {
    total += next
    channel.send(`now ${total}`)
  }
  return total
}

export async function failTask(how: 'image' | 'system' | 'plain'): Promise<never> {
  if (how === 'plain') throw new RangeError('out of range')
  if (how === 'system')
    throw Object.assign(new Error('ENOSPC: write'), { code: 'ENOSPC', errno: -28, syscall: 'write' })
  throw new ImageError('SIZE_MISMATCH', 'Too long', { expected: 1, actual: 2 }, { hint: 'try again' })
}

export async function foreverTask(_: undefined, channel: Channel<never, string>): Promise<never> {
  channel.send('started')
  await channel.next()
  throw new Error('not reached: next() rejects')
}

export async function sizeTask(_: undefined, channel: Channel<Uint8Array, Uint8Array>): Promise<number> {
  const chunk = await channel.next()
  if (chunk === undefined) return 0
  const { byteLength } = chunk
  channel.send(chunk, [chunk.buffer as ArrayBuffer])
  return byteLength
}

/** Threads are numbered in the order in which they start. */
export async function whereTask(): Promise<number> {
  return threadId
}
