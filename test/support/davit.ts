import { join } from 'node:path'
import { attempt, command } from './command.ts'
import { repository } from './repository.ts'

export const mainOfDavit = join(repository, 'build/src/cli/main.js')

/** The command line on one store. */
export interface Davit {
  /** Runs a command that succeeds; answers its stdout. */
  run(...words: readonly string[]): string
  /** Runs a command to whatever end. */
  attempt(...words: readonly string[]): ReturnType<typeof attempt>
  /** Runs a command that prints one JSON value. */
  json<T>(...words: readonly string[]): T
}

export function davitOn(root: string): Davit {
  const words = [mainOfDavit, '--root', root]
  return {
    run: (...more) => command(process.execPath, ...words, ...more),
    attempt: (...more) => attempt(process.execPath, ...words, ...more),
    json: <T>(...more: readonly string[]) => JSON.parse(command(process.execPath, ...words, ...more)) as T,
  }
}
