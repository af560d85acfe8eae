import { randomUUID } from 'node:crypto'
import type { Leases, Resource } from './leases.ts'
import { Seats } from './seats.ts'

/** Leases of one process, beside a content store in memory. */
export function openMemoryLeases(): Leases {
  const held = new Map<string, Map<string, Resource>>()
  const seats = new Seats()
  return {
    async hold() {
      const id = randomUUID()
      const resources = new Map<string, Resource>()
      held.set(id, resources)
      return {
        id,
        async add(resource) {
          const leave = await seats.take('sweep')
          resources.set(`${resource.kind} ${resource.id}`, resource)
          leave()
        },
        async end() {
          held.delete(id)
        },
      }
    },
    live: async () => [...held.values()].flatMap(resources => [...resources.values()]),
    async freeze({ signal, timeoutMs } = {}) {
      const release = await seats.take('sweep', {
        ...(signal !== undefined && { signal }),
        ...(timeoutMs !== undefined && { lockTimeoutMs: timeoutMs }),
      })
      return { release }
    },
  }
}
