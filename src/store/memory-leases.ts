import { randomUUID } from 'node:crypto'
import type { FreezeOptions, Leases, Resource } from './leases.ts'
import { Seats } from './seats.ts'

type Held = ReadonlyMap<string, Resource>

/** Leases of one process, beside a content store in memory. */
export function openMemoryLeases(): Leases {
  const held = new Map<string, Held>()
  /** Those that have ended, while a collection runs. */
  let ended: Held[] | undefined
  const seats = new Seats()

  const take = (seat: string, { signal, timeoutMs }: FreezeOptions = {}) =>
    seats.take(seat, {
      ...(signal !== undefined && { signal }),
      ...(timeoutMs !== undefined && { lockTimeoutMs: timeoutMs }),
    })

  return {
    async hold() {
      const id = randomUUID()
      const resources = new Map<string, Resource>()
      held.set(id, resources)
      return {
        id,
        async add(resource) {
          const leave = await take('sweep')
          resources.set(`${resource.kind} ${resource.id}`, resource)
          leave()
        },
        async end() {
          if (held.delete(id)) ended?.push(resources)
        },
      }
    },
    live: async () => resourcesOf(held.values()),
    async remember(options) {
      const leave = await take('collection', options)
      const all: Held[] = []
      ended = all
      return {
        resources: async () => resourcesOf([...held.values(), ...all]),
        async forget() {
          ended = undefined
          leave()
        },
      }
    },
    freeze: async options => ({ release: await take('sweep', options) }),
  }
}

function resourcesOf(leases: Iterable<Held>): readonly Resource[] {
  return [...leases].flatMap(resources => [...resources.values()])
}
