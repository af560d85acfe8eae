import { randomUUID } from 'node:crypto'
import { closeSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, hasCode } from '../errors.ts'
import { lock } from '../system/locks.ts'
import { holdFile, isFileHeld, removeUnheld } from './held-file.ts'
import type { Layout } from './layout.ts'
import type { FreezeOptions, Lease, Leases, Remembered, Resource } from './leases.ts'

/**
 * A lease is a locked file with a line a resource. It needn't survive a power cut, since its process doesn't.
 */
export function openFsLeases(layout: Layout): Leases {
  return {
    hold: () => holdLease(layout),
    live: async () => pathsIn(layout).filter(isFileHeld).flatMap(readResources),
    remember: options => remember(layout, options),
    freeze: options => lock(layout.lock('sweep'), options),
  }
}

/** From now on an ended lease leaves its file to the collection. */
async function remember(layout: Layout, options: FreezeOptions = {}): Promise<Remembered> {
  const collection = await lock(layout.lock('collection'), options)
  try {
    await removeEnded(layout)
  } catch (error) {
    collection.release()
    throw error
  }
  return {
    resources: async () => pathsIn(layout).flatMap(readResources),
    async forget() {
      try {
        await removeEnded(layout)
      } finally {
        collection.release()
      }
    },
  }
}

async function holdLease(layout: Layout): Promise<Lease> {
  const id = randomUUID()
  const path = join(layout.leases, id)
  const fd = await holdFile(path)
  const added = new Set<string>()
  let ended = false
  return {
    id,
    async add({ kind, id }) {
      if (ended) throw new Error(`Lease ${path} has ended`)
      const line = `${kind} ${id}\n`
      if (added.has(line)) return
      // A collection that is under way has read the leases already: it must end before anybody counts on this line.
      const sweep = await lock(layout.lock('sweep'), { shared: true })
      try {
        writeSync(fd, line)
        added.add(line)
      } finally {
        sweep.release()
      }
    },
    async end() {
      if (ended) return
      ended = true
      try {
        // None begins before the file is gone. LOCKED: one runs, and removes it.
        const collection = await lock(layout.lock('collection'), { shared: true, timeoutMs: 0 })
        try {
          unlinkSync(path)
        } finally {
          collection.release()
        }
      } catch {
        // Without its lock it holds nothing: the next collection removes it. The work that it was for is done.
      } finally {
        closeSync(fd)
      }
    },
  }
}

function pathsIn({ leases }: Layout): readonly string[] {
  return readdirSync(leases).map(name => join(leases, name))
}

/** Of the dead too. */
async function removeEnded(layout: Layout): Promise<void> {
  for (const path of pathsIn(layout)) {
    try {
      await removeUnheld(path)
    } catch (error) {
      if (!hasCode(error, 'LOCKED')) throw error
    }
  }
}

function readResources(path: string): readonly Resource[] {
  const lines = readIfThere(path).split('\n').slice(0, -1)
  return lines.flatMap(line => {
    const [kind, id] = [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]
    return kind === 'content' || kind === 'snapshot' ? [{ kind, id }] : []
  })
}

/** Its holder may end it at any moment. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return ''
    throw error
  }
}
