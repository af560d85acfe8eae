import type { ReadStream } from 'node:tty'
import { ImageError } from '../errors.ts'
import { Interruption } from './exit-status.ts'

/** What may be typed at once; a paste that is longer is no user name and no password. */
const maxCharacters = 4096

interface AskOptions {
  readonly secret?: boolean
  readonly signal?: AbortSignal
}

/** Asks on `screen` for one line at `terminal`, as `Context.ask`. */
export async function ask(
  terminal: Pick<ReadStream, 'isTTY' | 'setRawMode' | 'resume' | 'pause' | 'on' | 'off'>,
  screen: { write(text: string): unknown },
  question: string,
  { secret = false, signal }: AskOptions = {},
): Promise<string> {
  if (!terminal.isTTY) {
    const hint = 'give --username and --password-stdin'
    throw new ImageError(
      'INVALID_ARGUMENT',
      `Cannot ask for ${question}: stdin is no terminal`,
      { argument: question },
      { hint },
    )
  }
  signal?.throwIfAborted()
  screen.write(`${question}: `)
  // The terminal's own echo can't be switched off otherwise: it then hands over every key.
  terminal.setRawMode(true)
  terminal.resume()
  let stop = () => {}
  try {
    return await new Promise((resolve, reject) => {
      const line = readingLine(secret ? () => {} : text => screen.write(text), resolve, reject)
      const onData = (keys: Buffer) => line(keys.toString('utf8'))
      const onAbort = () => reject(signal?.reason)
      terminal.on('data', onData)
      signal?.addEventListener('abort', onAbort, { once: true })
      stop = () => {
        terminal.off('data', onData)
        signal?.removeEventListener('abort', onAbort)
      }
    })
  } finally {
    stop()
    terminal.setRawMode(false)
    terminal.pause()
    screen.write('\n')
  }
}

/** Takes keys until a line is there: in raw mode, erasing and interrupting are up to the reader. */
function readingLine(
  show: (text: string) => void,
  resolve: (line: string) => void,
  reject: (reason: unknown) => void,
): (keys: string) => void {
  let line: string[] = []
  return keys => {
    for (const key of keys) {
      if (key === '\r' || key === '\n' || key === '\x04') return resolve(line.join(''))
      if (key === '\x03') return reject(new Interruption('SIGINT'))
      if (key === '\x7f' || key === '\b') {
        if (line.pop() !== undefined) show('\b \b')
      } else if (key === '\x15') {
        for (const _ of line) show('\b \b')
        line = []
      } else if (key >= ' ' && line.length < maxCharacters) {
        line.push(key)
        show(key)
      }
    }
  }
}
