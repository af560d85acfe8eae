/**
 * Runs tasks off the main thread. A task is a function in the module of its noun; it talks with its caller through a
 * channel and ends with a result. The same task runs on any carrier: threads (`openThreads`), the calling thread
 * (`inlineWorkers`), a child process (`openProcess`), which may be jailed.
 */
export interface Workers {
  /**
   * Starts `task` at once, on the carrier that has least to do: several tasks may share a thread, so a task gives way
   * between chunks by awaiting the next.
   */
  run<Args, Up, Down, Result>(
    task: Task<Args, Up, Down, Result>,
    args: Args,
    options?: RunOptions<Down>,
  ): Run<Up, Result>

  /**
   * Starts a carrier that calls of `task` will want soon, and has it load what they need. Absent where that takes no
   * time.
   */
  prepare?(task: TaskName): void

  /** Ends the threads. Tasks that still run are lost: their results reject. */
  close(): Promise<void>
}

/** Names an exported function, so that another thread can find it. */
export interface TaskName {
  /** URL of the module: its `import.meta.url`. */
  readonly module: string
  /** No other task has it. */
  readonly name: string
}

/** Names a {@link TaskFunction}. */
export interface Task<Args, Up, Down, Result> extends TaskName {
  /** Never set: carries the types. */
  readonly types?: TaskFunction<Args, Up, Down, Result>
}

/** `Up`: what the caller sends; `Down`: what the task sends. Everything must survive structured cloning. */
export type TaskFunction<Args, Up, Down, Result> = (args: Args, channel: Channel<Up, Down>) => Promise<Result>

export interface Channel<Up, Down> {
  /** Aborted when the caller gave up; to be looked at between chunks. */
  readonly signal: AbortSignal
  send(message: Down, transfer?: readonly ArrayBuffer[]): void
  /** The next message of the caller, in order; undefined after its `end`. Rejects when the caller gave up. */
  next(): Promise<Up | undefined>
}

export interface RunOptions<Down> {
  /** Work to be done, as against that of other tasks: bytes, say. Spreads long tasks over the carriers. Default 0. */
  readonly weight?: number
  readonly signal?: AbortSignal
  readonly onMessage?: (message: Down) => void
}

export interface Run<Up, Result> {
  /**
   * Rejects with what the task threw (an `ImageError` with code and details, a system error with its errno), and with
   * the signal's reason once the task has ended after an abort.
   */
  readonly result: Promise<Result>
  send(message: Up, transfer?: readonly ArrayBuffer[]): void
  /** No more messages will come. */
  end(): void
}
