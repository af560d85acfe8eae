import { randomUUID } from 'node:crypto'
import { closeSync, readdirSync, readFileSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { errnoOf, hasCode } from '../errors.ts'
import { lock } from '../system/locks.ts'
import { holdFile, removeUnheld } from './held-file.ts'
import type { Layout } from './layout.ts'
import type { Lease, Leases, Resource } from './leases.ts'

/**
 * A lease is a locked file with a line a resource. It needn't survive a power cut, since its process doesn't.
 */
export function openFsLeases(layout: Layout): Leases {
  return {
    hold: () => holdLease(layout),
    async live() {
      const resources: Resource[] = []
      for (const name of readdirSync(layout.leases)) {
        const path = join(layout.leases, name)
        if (await isHeld(path)) resources.push(...readResources(path))
      }
      return resources
    },
    freeze: options => lock(layout.lock('sweep'), options),
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
        unlinkSync(path)
      } catch {
        // Without its lock it holds nothing: the next collection removes it. The work that it was for is done.
      } finally {
        closeSync(fd)
      }
    },
  }
}

/** Removes the lease of a dead holder. */
async function isHeld(path: string): Promise<boolean> {
  try {
    await removeUnheld(path)
    return false
  } catch (error) {
    if (hasCode(error, 'LOCKED')) return true
    throw error
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
