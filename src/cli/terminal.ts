import type { Screen } from '../progress/renderer.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What Node tells of a stream that may be a terminal. */
export interface TerminalStream {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  write(text: string): unknown
}

/** `stream` as a renderer sees it. Pseudo-terminals that were given no size say 0. */
export function screenOf(stream: TerminalStream, env: Environment): Screen {
  return {
    write: text => void stream.write(text),
    get columns() {
      return stream.columns || 80
    },
    get rows() {
      return stream.rows || 24
    },
    color: stream.isTTY === true && !isDumb(env) && !env['NO_COLOR'],
    unicode: /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''),
    now: () => performance.now(),
  }
}

/** Whether somebody watches and lines may be redrawn: CI systems often fake a terminal and keep a log of it. */
export function isInteractive(stream: TerminalStream, env: Environment): boolean {
  const isCI = env['CI'] !== undefined && env['CI'] !== '' && env['CI'] !== 'false'
  return stream.isTTY === true && !isDumb(env) && !isCI
}

function isDumb(env: Environment): boolean {
  return env['TERM'] === 'dumb'
}
