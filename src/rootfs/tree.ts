import { readdirSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'

/** Entries between two looks at the signal and at the other tasks of the thread: some milliseconds of work. */
const ENTRIES_A_TURN = 256

/** Opens the directory `name` in `parent`; never through a link. To be closed by `sys.close`: Node counts its own. */
export function openDirectory(parent: number, name: Uint8Array): number {
  return openSys().openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
}

/** The names in an open directory, as bytes. */
export function namesIn(directory: number): readonly Buffer[] {
  return readdirSync(`/proc/self/fd/${directory}`, { encoding: 'buffer' })
}

/** To be awaited once an entry: gives way and looks at `signal` now and then. */
export function takeTurns(signal: AbortSignal): () => Promise<void> | undefined {
  let entries = 0
  return () => {
    entries += 1
    if (entries % ENTRIES_A_TURN !== 0) return undefined
    signal.throwIfAborted()
    return setImmediate()
  }
}
