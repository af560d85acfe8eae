import type { TaskError } from './task-error.ts'

/** Names a task's function and its arguments, for whoever is to run it. */
export interface TaskCall {
  readonly module: string
  readonly name: string
  readonly args: unknown
}

/** One end of what connects a task and its caller, whatever carries it. */
export interface Line<Out, In> {
  post(message: Out, transfer?: readonly ArrayBuffer[]): void
  onMessage(listen: (message: In) => void): void
  close(): void
}

export type ToTask = { readonly message: unknown } | { readonly end: true } | { readonly abort: true }
export type FromTask = { readonly message: unknown } | { readonly result: unknown } | { readonly error: TaskError }

export type CallerLine = Line<ToTask, FromTask>
export type TaskLine = Line<FromTask, ToTask>
