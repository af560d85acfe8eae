import { ImageError } from '../errors.ts'
import type { Host } from './hosts.ts'

/** Puts one question to the hosts of a registry, in order, until one of them answers. */
export type Walk = <T>(ask: (host: Host) => Promise<T>) => Promise<{ readonly host: Host; readonly value: T }>

/**
 * Walks `hosts`, and begins with the one that answered last.
 *
 * Only a host that doesn't speak as a registry is passed over; what a registry says, a refusal too, stands.
 *
 * Errors: the first host's, when none answers.
 */
export function walkOver(hosts: readonly Host[]): Walk {
  let order = hosts
  return async ask => {
    let first: { readonly error: unknown } | undefined
    for (const host of order) {
      try {
        const value = await ask(host)
        order = [host, ...order.filter(other => other !== host)]
        return { host, value }
      } catch (error) {
        if (!isMute(error)) throw error
        first ??= { error }
      }
    }
    throw first?.error
  }
}

function isMute(error: unknown): boolean {
  if (!(error instanceof ImageError)) return false
  if (error.code === 'INVALID_RESPONSE') return true
  return error.code === 'UNAVAILABLE' && !('status' in error.details)
}
