import { ImageError } from '../errors.ts'
import type { Host } from './hosts.ts'
import { type Failure, failureOf, isMute } from './walk-failure.ts'

/**
 * What is asked for. A tag is a matter of trust: it goes to hosts that may resolve, and to no others. A document by its
 * digest goes to them first, a blob to whoever is first. What is written goes to the first host that takes it, and nowhere else.
 */
export type Need = 'tag' | 'document' | 'blob' | 'push'

/** The hosts of one registry, for one run: asks them in order, and remembers who failed. */
export interface Walk {
  /**
   * Puts one question to host after host until one answers.
   *
   * `question` learns whether another host would be asked next: then it should give up at once rather than try again,
   * for the other one answers sooner than this one recovers.
   *
   * A mirror that fails, whatever the reason, is passed over, and behind all others from then on unless it only said
   * that it hasn't got it. What the last host says stands.
   *
   * Errors: of one host, its own; of several, the code of the most telling one, in a line that says of each what happened;
   *         `signal`'s reason.
   */
  ask<T>(
    need: Need,
    question: (host: Host, isLast: boolean) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<{ readonly host: Host; readonly value: T }>

  /**
   * Asks `host` only after all others from now on: it broke off in mid-body, was too slow, or sent wrong bytes. False when
   * it stays the first, for want of others or because nobody may answer for it.
   */
  demote(host: Host): boolean
}

export interface WalkOptions {
  /** Whether another host may answer for the first one that can. Default true. */
  readonly fallback?: boolean
}

/** Walks `hosts`, of which the registry itself is the last. */
export function walkOver(hosts: readonly Host[], { fallback = true }: WalkOptions = {}): Walk {
  let order = hosts

  function demote(host: Host): boolean {
    const mayMove = fallback || host.isGuess === true
    if (mayMove && order.includes(host)) order = [...order.filter(other => other !== host), host]
    return order[0] !== host
  }

  /** A host that spoke has the scheme that was guessed: the other one is out of the question. */
  function settle(host: Host): void {
    if (order.some(other => isTwin(host, other))) order = order.filter(other => !isTwin(host, other))
  }

  return {
    demote,
    async ask(need, question, signal) {
      const failures: Failure[] = []
      const able = hostsFor(need, need === 'push' ? hosts : order)
      const asked =
        fallback && need !== 'push' ? able : able.filter((host, place) => place === 0 || isTwin(host, able[0]))
      for (const [place, host] of asked.entries()) {
        if (!order.includes(host)) continue
        try {
          const isLast = asked.slice(place + 1).every(other => isTwin(host, other))
          const value = await question(host, isLast)
          settle(host)
          return { host, value }
        } catch (error) {
          signal?.throwIfAborted()
          if (!(error instanceof ImageError)) throw error
          failures.push({ host, error })
          if (host.isGuess && !isMute(error)) settle(host)
          else if (error.code !== 'NOT_FOUND') demote(host)
        }
      }
      throw failureOf(failures, need)
    },
  }
}

/** Hosts without `resolve` are the last resort for documents: what a registry says of itself comes from those with it. */
function hostsFor(need: Need, order: readonly Host[]): readonly Host[] {
  if (need === 'push') return order.filter(({ capabilities }) => capabilities.includes('push'))
  const pulling = order.filter(({ capabilities }) => capabilities.includes('pull'))
  if (need === 'blob') return pulling
  const resolving = pulling.filter(({ capabilities }) => capabilities.includes('resolve'))
  return need === 'tag' ? resolving : [...resolving, ...pulling.filter(host => !resolving.includes(host))]
}

/** The same host in the other scheme. */
function isTwin(host: Host, other: Host | undefined): boolean {
  return other !== undefined && host !== other && host.name === other.name && (host.isGuess ?? other.isGuess ?? false)
}
