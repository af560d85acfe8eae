#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8'
import { errnoOf, ImageError } from '../errors.ts'
import { hostPlatform } from '../spec/platform-host.ts'
import { diskError } from '../system/disk-error.ts'
import { machineFacts } from '../system/host.ts'
import { Interruption } from './exit-status.ts'
import { OutputClosed, run } from './run.ts'

/**
 * How much work WebAssembly may do, in V8's units, before it is optimised. The HTTP parser is one huge function: its
 * first answer would set off an optimisation that costs more than all the rest of a short command, and little is ever
 * parsed by it, since bodies pass it in whole chunks.
 */
const WASM_TIERING_BUDGET = 1_000_000_000
setFlagsFromString(`--wasm-tiering-budget=${WASM_TIERING_BUDGET}`)

const interruption = new AbortController()

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    const reason = new Interruption(signal)
    // Asked twice: at once. What is on disk is as good as after a crash.
    if (interruption.signal.aborted) process.exit(reason.status)
    interruption.abort(reason)
  })
}

// Failed writes are told to whoever wrote; nobody can be told of a closed stderr.
process.stdout.on('error', () => {})
process.stderr.on('error', () => {})

const status = await run({
  words: process.argv.slice(2),
  env: process.env,
  stderr: process.stderr,
  isTerminal: process.stdout.isTTY === true,
  write,
  stdin,
  ask: async (question, options) =>
    (await import('./prompt.ts')).ask(process.stdin, process.stderr, question, {
      ...options,
      signal: interruption.signal,
    }),
  host: hostPlatform(machineFacts()),
  signal: interruption.signal,
  async openParts(settings) {
    requireDirectory()
    return (await import('../parts.ts')).openParts(settings)
  },
})
process.exit(status)

/** Relative paths mean nothing in a directory that was removed, and threads can't start there. */
function requireDirectory(): void {
  try {
    process.cwd()
  } catch (cause) {
    const details = { what: 'directory', name: '.' }
    const hint = 'change to one that is there'
    throw new ImageError('NOT_FOUND', 'Cannot find the current directory', details, { cause, hint })
  }
}

function write(result: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(result, error => {
      if (!error) resolve()
      else reject(errnoOf(error) === 'EPIPE' ? new OutputClosed() : diskError(error, 'to stdout'))
    })
  })
}

async function* stdin(): AsyncGenerator<Buffer> {
  interruption.signal.addEventListener('abort', () => process.stdin.destroy(), { once: true })
  yield* process.stdin
  interruption.signal.throwIfAborted()
}
