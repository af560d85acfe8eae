import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

export interface Measured {
  readonly seconds: number
  /** CPU time of the command and what it waited for, not of daemons. */
  readonly cpuSeconds: number
  /** Peak resident memory of the process itself, in MiB; of a client, not of its daemon. */
  readonly peakMiB: number
}

/** `USER_HZ`: what /proc counts in, on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

/** How often the kernel's own high-water mark is read: the last reading before the end counts. */
const SAMPLE_MS = 20

/** Runs a shell command to its end. Errors: its exit status, with what it said. */
export async function measure(command: string): Promise<Measured> {
  const cpuBefore = childrenCpuSeconds()
  const started = performance.now()
  const child = spawn('sh', ['-c', `exec ${command}`], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  let peakMiB = 0
  const sampler = setInterval(() => {
    peakMiB = Math.max(peakMiB, highWaterMiB(child.pid))
  }, SAMPLE_MS)
  const [status] = await once(child, 'close')
  clearInterval(sampler)
  if (status !== 0) throw new Error(`${command}: exit ${status}: ${said}`)
  const seconds = (performance.now() - started) / 1000
  return { seconds, cpuSeconds: childrenCpuSeconds() - cpuBefore, peakMiB }
}

/** CPU time of the children that have ended. */
function childrenCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  // cutime and cstime: proc_pid_stat(5), counted from the state.
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND
}

function highWaterMiB(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}
