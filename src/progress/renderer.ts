import type { ProgressEvent } from './events.ts'

/** Shows events to somebody. One a file, listed in `index.ts`. */
export interface Renderer {
  show(event: ProgressEvent): void
  /** Says the last word and gives the terminal back as it was. */
  end(): void
}

/** Where a renderer writes and what it may know of it. */
export interface Screen {
  write(text: string): void
  readonly columns: number
  readonly rows: number
  readonly color: boolean
  /** Milliseconds, monotonic. */
  now(): number
}
