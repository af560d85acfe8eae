import type { Settings } from '../defaults.ts'
import type { Parts } from '../parts.ts'
import type { Screen } from '../progress/renderer.ts'
import type { Platform } from '../spec/platform.ts'

/** All that a command may see of the process that it runs in. Only `main.ts` makes one. */
export interface Context {
  readonly settings: Settings
  /** Opens the parts, with these changes to the settings. The runner of the command closes them. */
  open(changes?: Partial<Settings>): Promise<Parts>
  /** The same for whoever only looks, or changes what is there: where there is no store, an empty one, and none is made. */
  look(changes?: Partial<Settings>): Promise<Parts>
  /** Closes what was opened before the command ends: for one that then removes the store. */
  close(): Promise<void>
  /** Says the result, on stdout, and nothing else. Resolves when there is room for more. */
  write(result: string | Uint8Array): Promise<void>
  /** Says something to people, on stderr. */
  note(text: string): void
  /** What is piped in, to its end. */
  stdin(): AsyncIterable<Uint8Array>
  /**
   * Asks whoever sits at the terminal for a line; a secret is not shown as it is typed.
   *
   * Errors: INVALID_ARGUMENT when nobody does.
   */
  ask(question: string, options?: { readonly secret?: boolean }): Promise<string>
  /** stderr, for renderers. */
  readonly screen: Screen
  /** Whether somebody watches the screen, so that lines may be redrawn. */
  readonly interactive: boolean
  /** Whether stdout is a terminal, which binary data would only confuse. */
  readonly isTerminal: boolean
  /** The platform of this machine. */
  readonly host: Platform
  readonly signal: AbortSignal
}
