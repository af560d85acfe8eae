import { defaults, type Settings } from '../defaults.ts'
import { ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { printable } from '../progress/format.ts'
import type { Platform } from '../spec/platform.ts'
import type { Context } from './context.ts'
import { isAbsent, withEmptyStore } from './empty-store.ts'
import { exitStatus, Interruption, statusOf } from './exit-status.ts'
import { parseCommandLine, type RunLine } from './program.ts'
import { errorJson, errorLine, errorStack } from './report.ts'
import { isInteractive, screenOf, type TerminalStream } from './terminal.ts'

/** What the command line needs of a process; `main.ts` has the real one. */
export interface Machine {
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stderr: TerminalStream
  /** Whether stdout is one. */
  readonly isTerminal?: boolean
  write(result: string | Uint8Array): Promise<void>
  stdin: Context['stdin']
  ask: Context['ask']
  /** The platform that davit runs on. */
  readonly host: Platform
  readonly signal: AbortSignal
  openParts(settings: Settings): Promise<Parts>
}

/** Nobody reads stdout any more (`davit … | head`): no error, and nothing to do. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed'
}

/** Runs one command line to its end and gives back what to exit with. Never rejects. */
export async function run(machine: Machine): Promise<number> {
  let line: RunLine | undefined
  try {
    const parsed = await parseCommandLine(machine.words)
    if (parsed.kind === 'say') {
      if (!parsed.isMistake) await machine.write(parsed.text)
      else machine.stderr.write(parsed.text)
      return parsed.isMistake ? exitStatus.usage : exitStatus.ok
    }
    line = parsed
    await runCommand(machine, line)
    return exitStatus.ok
  } catch (error) {
    if (error instanceof OutputClosed) return exitStatus.ok
    return reportFailure(machine, error, line)
  }
}

async function runCommand(machine: Machine, { command, typed, root }: RunLine): Promise<void> {
  const opened: Parts[] = []
  if (root === '') throw new ImageError('INVALID_ARGUMENT', 'Cannot use --root: it is empty', { argument: '--root' })
  const fromEnvironment = defaults(machine.env)
  const settings = root === undefined ? fromEnvironment : { ...fromEnvironment, root }
  const open = async (changes?: Partial<Settings>) => {
    const parts = await machine.openParts({ ...settings, ...changes })
    opened.push(parts)
    return parts
  }
  const context: Context = {
    settings,
    open,
    async look(changes) {
      const parts = await open(changes)
      return isAbsent(parts.settings.root) ? withEmptyStore(parts) : parts
    },
    async close() {
      for (const parts of opened.splice(0)) await parts.close()
    },
    write: result => machine.write(result),
    note: text => void machine.stderr.write(`${printable(text)}\n`),
    stdin: () => machine.stdin(),
    ask: (question, options) => machine.ask(question, options),
    screen: screenOf(machine.stderr, machine.env),
    interactive: isInteractive(machine.stderr, machine.env),
    isTerminal: machine.isTerminal === true,
    host: machine.host,
    signal: machine.signal,
  }
  try {
    machine.signal.throwIfAborted()
    await command.run(context, typed)
  } finally {
    await context.close()
  }
}

function reportFailure(machine: Machine, thrown: unknown, line: RunLine | undefined): number {
  // Whatever came of the interruption, people asked for that and no more.
  const error = machine.signal.reason instanceof Interruption ? interrupted(machine.signal.reason, line) : thrown
  machine.stderr.write(line?.typed['progress'] === 'json' ? errorJson(error) : errorLine(error))
  if (line?.debug) machine.stderr.write(errorStack(thrown))
  return statusOf(error)
}

function interrupted(reason: Interruption, line: RunLine | undefined): Error {
  const advice = line?.command.onInterrupt
  return advice === undefined ? reason : new Interruption(reason.signal, advice)
}
