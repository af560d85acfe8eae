/**
 * Runs tasks off the main thread. A task is a function in the module of its noun; it talks with its caller through a
 * channel and ends with a result. The same task runs on three carriers: a thread of the pool, the calling thread
 * (`inline`, for stores without files), and, later, a jailed child process.
 */
export interface Workers {
  /**
   * Starts `task`; waits for a free worker.
   *
   * Errors: what the task throws arrives as it was, `ImageError` with code and details; aborting rejects with the
   * signal's reason after the task has noticed.
   */
  run<Args, Up, Down, Result>(
    task: Task<Args, Up, Down, Result>,
    args: Args,
    options?: RunOptions<Down>,
  ): Run<Up, Result>
  /** Ends the threads once their tasks are done. */
  close(): Promise<void>
}

/** Names an exported {@link TaskFunction} of a module, so that another thread can find it. */
export interface Task<_Args, _Up, _Down, _Result> {
  readonly module: string
  readonly name: string
}

/** `Up`: what the caller sends; `Down`: what the task sends. */
export type TaskFunction<Args, Up, Down, Result> = (args: Args, channel: Channel<Up, Down>) => Promise<Result> | Result

export interface Channel<Up, Down> {
  /** Aborted when the caller gave up; looked at between chunks. */
  readonly signal: AbortSignal
  send(message: Down, transfer?: readonly ArrayBuffer[]): void
  /** Messages from the caller in order, until it calls `end`. */
  receive(): AsyncIterable<Up>
}

export interface RunOptions<Down> {
  readonly signal?: AbortSignal
  readonly onMessage?: (message: Down) => void
  readonly transfer?: readonly ArrayBuffer[]
}

export interface Run<Up, Result> {
  readonly result: Promise<Result>
  send(message: Up, transfer?: readonly ArrayBuffer[]): void
  /** No more messages will come: `receive` ends. */
  end(): void
}
