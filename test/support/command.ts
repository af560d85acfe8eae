import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawnSync } from 'node:child_process'

/** Runs a program to its end; fails the test with what it said when it fails. Answers its stdout. */
export function command(file: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = attempt(file, ...args)
  assert.equal(status, 0, `${file} ${args.join(' ')}: ${error?.message ?? ''}${stderr}${stdout}`)
  return stdout
}

/** Runs a program to its end, however that is. */
export function attempt(file: string, ...args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(file, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
}
