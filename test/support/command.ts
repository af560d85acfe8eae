import assert from 'node:assert/strict'
import { type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

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

/** As {@link attempt}, while this process goes on: it may be the server that the program talks to. */
export async function beside(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [status] = await once(child, 'close')
  return { status, stdout, stderr }
}
