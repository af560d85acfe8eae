import type { CallerLine, FromTask } from './line.ts'
import { unpackError } from './task-error.ts'
import type { Run, RunOptions } from './workers.ts'

export interface Call<Up, Result> {
  readonly run: Run<Up, Result>
  /** The carrier broke: nothing more will come. */
  fail(reason: Error): void
}

/** The caller's end of a line to a task that has been started. `onSettled`: the task has ended, or is lost. */
export function callTask<Up, Down, Result>(
  line: CallerLine,
  { signal, onMessage }: RunOptions<Down>,
  onSettled: () => void,
): Call<Up, Result> {
  let fail: (reason: Error) => void = () => {}
  const result = new Promise<Result>((resolve, reject) => {
    const abort = () => line.post({ abort: true })
    const settle = () => {
      signal?.removeEventListener('abort', abort)
      line.close()
      onSettled()
    }
    fail = reason => {
      settle()
      reject(signal?.aborted === true ? signal.reason : reason)
    }
    line.onMessage((message: FromTask) => {
      if ('message' in message) return onMessage?.(message.message as Down)
      if ('error' in message) return fail(unpackError(message.error))
      settle()
      resolve(message.result as Result)
    })
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) abort()
  })
  return {
    run: { result, send: (message, transfer) => line.post({ message }, transfer), end: () => line.post({ end: true }) },
    fail: reason => fail(reason),
  }
}
