import type { Task } from '../../../src/system/workers.ts'

/** The most memory that the process which runs it has had so far, in bytes. */
export const peakMemory: Task<undefined, never, never, number> = { module: import.meta.url, name: peakMemoryTask.name }

export async function peakMemoryTask(): Promise<number> {
  return process.resourceUsage().maxRSS * 1024
}
