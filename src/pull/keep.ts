import type { Labels } from '../store/content/store.ts'
import { GC_ROOT } from '../store/gc/refs.ts'
import type { Lease, Resource } from '../store/leases.ts'

/** How what a pull brings is kept from being collected until something lasting reaches it. */
export interface Keep {
  /** Must be called before looking whether `resource` is there: else it may go between the look and the hold. */
  hold(resource: Resource): Promise<void>
  /** Labels for everything that is committed meanwhile. */
  readonly labels: Labels
}

/** By root labels that stay: the way of a bare Puller. A lease keeps what has none yet. */
export function keepByRoots(now: Date, lease: Lease | undefined): Keep {
  return { hold: async resource => lease?.add(resource), labels: { [GC_ROOT]: now.toISOString() } }
}

/** By a lease that ends with the operation, or with its process: nothing to undo afterwards. */
export function keepByLease(lease: Lease): Keep {
  return { hold: resource => lease.add(resource), labels: {} }
}
