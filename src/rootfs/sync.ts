import { closeSync, constants, openSync } from 'node:fs'
import { openSys } from '../system/sys/linux.ts'
import type { Task, Workers } from '../system/workers.ts'

const syncTask: Task<string, never, never, void> = { module: import.meta.url, name: syncFileSystemTask.name }

/** Puts on disk all that the file system of `directory` still has in memory: one call for any number of files. */
export function syncFileSystem(workers: Workers, directory: string): Promise<void> {
  return workers.run(syncTask, directory).result
}

export async function syncFileSystemTask(directory: string): Promise<void> {
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    openSys().syncfs(fd)
  } finally {
    closeSync(fd)
  }
}
