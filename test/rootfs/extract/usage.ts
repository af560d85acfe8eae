import type { Task } from '../../../src/system/workers.ts'

/** What a process has taken since it began. */
export interface Usage {
  /** Of all its threads, in user and system mode: another's load doesn't count. */
  readonly cpuMs: number
  /** The most memory that it has had at once. */
  readonly peakBytes: number
}

/** Of the process that runs it. */
export const usage: Task<undefined, never, never, Usage> = { module: import.meta.url, name: usageTask.name }

export async function usageTask(): Promise<Usage> {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  return { cpuMs: (userCPUTime + systemCPUTime) / 1000, peakBytes: maxRSS * 1024 }
}

/** Makes `directory` what relative paths of the process begin at, and `home` its user's. */
export const settle: Task<{ readonly directory: string; readonly home: string }, never, never, void> = {
  module: import.meta.url,
  name: settleTask.name,
}

export async function settleTask({ directory, home }: { directory: string; home: string }): Promise<void> {
  process.chdir(directory)
  process.env['HOME'] = home
}
