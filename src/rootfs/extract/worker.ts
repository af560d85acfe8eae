import { deferredWorkers } from '../../system/deferred.ts'
import { goToJail } from '../../system/jail.ts'
import { openProcess } from '../../system/process.ts'
import { isal } from '../../system/sys/isal.ts'
import { libzstd } from '../../system/sys/libzstd.ts'
import { inNewUserNamespace, subordinateIds } from '../../system/user-namespace.ts'
import type { Task, TaskName, Workers } from '../../system/workers.ts'

/** Who writes an image's files, and what is lost by that: a line each, for people. */
export interface ImageWorker extends Workers {
  readonly losses: readonly string[]
}

/** `tasks`: those to come. */
export type OpenImageWorker = (tasks: readonly TaskName[]) => Promise<ImageWorker>

/**
 * Opens a worker for one image: a process in a jail; for an ordinary user in a user namespace, too, with the ids that he
 * may hand out. What this machine doesn't allow is done without, down to `threads`.
 */
export async function openImageWorker(threads: Workers, tasks: readonly TaskName[]): Promise<ImageWorker> {
  const losses: string[] = []
  try {
    const workers = await openRootfsProcess(loss => losses.push(loss))
    try {
      await workers.run(goToJail, tasks).result
    } catch (error) {
      await workers.close()
      throw error
    }
    return { ...asImageWorker(workers, losses), close: () => workers.close() }
  } catch (error) {
    losses.push(`no jail around what layers write, only checks of each name: ${reasonOf(error)}`)
    return asImageWorker(threads, losses)
  }
}

/** `workers` for any image, which stay open. */
export function asImageWorker(workers: Workers, losses: readonly string[] = []): ImageWorker {
  return { run: (task, args, options) => workers.run(task, args, options), close: async () => {}, losses }
}

/**
 * Workers for trees that image workers have written: of an ordinary user's, some files belong to his subordinate ids.
 */
export function openTreeWorkers(threads: Workers): Workers {
  if (process.geteuid?.() === 0 || subordinateIds() === undefined) return asImageWorker(threads)
  return deferredWorkers(() => openRootfsProcess(() => {}).catch(() => asImageWorker(threads)))
}

/** A process that may do with files what root may, as far as that is this user's to give. */
async function openRootfsProcess(onLoss: (loss: string) => void): Promise<Workers> {
  if (process.geteuid?.() === 0) return ready(await openProcess())
  const ids = subordinateIds()
  if (ids === undefined) onLoss(`${loneOwner}: it has no ids in /etc/subuid and /etc/subgid`)
  else {
    try {
      return await ready(await openProcess(inNewUserNamespace(ids)))
    } catch (error) {
      onLoss(`${loneOwner}: ${reasonOf(error)}`)
    }
  }
  return ready(await openProcess(inNewUserNamespace(undefined)))
}

const loneOwner = 'no other owners than this user'

async function ready(workers: Workers): Promise<Workers> {
  try {
    await workers.run(loadLibraries, undefined).result
    return workers
  } catch (error) {
    await workers.close()
    throw error
  }
}

const loadLibraries: Task<undefined, never, never, void> = { module: import.meta.url, name: loadLibrariesTask.name }

/** Libraries that are opened when they are first needed: from the jail, none can be. */
export async function loadLibrariesTask(): Promise<void> {
  isal()
  libzstd()
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
