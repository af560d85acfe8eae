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
  /** Now; people resize terminals. */
  readonly columns: number
  readonly rows: number
  readonly color: boolean
  /** False: ASCII only. */
  readonly unicode: boolean
  /** Milliseconds, monotonic. */
  now(): number
}
