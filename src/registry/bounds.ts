import { type LookupAddress, type LookupOptions, lookup } from 'node:dns'
import { isWithin, literalIn, type Reach, reachOf, type Within } from './address.ts'
import type { Host } from './hosts.ts'
import { isNamed, type NamedOptions } from './named.ts'
import { authorityOf } from './own-hosts.ts'

/** Decides which addresses may be connected where a registry leads: by a redirect, a token realm, a foreign URL. */
export interface Bounds {
  /**
   * Where `to` may be when something at `from` names it on behalf of `host`.
   *
   * Anywhere: the registry itself, the host asked, and what the user has named. Private addresses: when `from` was
   * connected at one itself. Else public addresses alone.
   */
  within(to: URL, from: URL, host: Host): Within
}

/** `reachAt`: where connections to an origin have led so far. */
export function openBounds(options: NamedOptions, reachAt: (origin: string) => Reach | undefined): Bounds {
  return {
    within(to, from, { origin, name, mirrorOf = name }) {
      const registries = [origin, `http://${authorityOf(mirrorOf)}`, `https://${authorityOf(mirrorOf)}`]
      if (registries.some(own => isSamePlace(new URL(own), to)) || isNamed(to, options)) return 'anywhere'
      return reachAt(from.origin) === 'private' ? 'private' : 'public'
    },
  }
}

/** What a connection that was not made failed with. */
export const outOfBoundsCode = 'ERR_OUT_OF_BOUNDS'

/** Throws when `url` names an address outside of `within`; names are judged when they are looked up. */
export function checkLiteral(url: URL, within: Within): void {
  const address = literalIn(url)
  if (address !== undefined && !isWithin(reachOf(address), within)) throw outOfBounds(address)
}

type Looked = (error: Error | null, address: string | LookupAddress[], family?: number) => void

/** Looks names up as Node does, and leaves addresses outside of `within` out. */
export function lookupWithin(within: Within) {
  return (hostname: string, options: LookupOptions, looked: Looked): void => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return looked(error, [])
      const [first, ...others] = found.filter(({ address }) => isWithin(reachOf(address), within))
      if (first === undefined) return looked(outOfBounds(found[0]?.address ?? hostname), [])
      if (options.all === true) looked(null, [first, ...others])
      else looked(null, first.address, first.family)
    })
  }
}

function outOfBounds(address: string): Error {
  const message = `a registry may not lead there: ${address} is a ${reachOf(address)} address`
  return Object.assign(new Error(message), { code: outOfBoundsCode })
}

/** The same host and port, whatever is spoken there. */
function isSamePlace(one: URL, other: URL): boolean {
  return one.hostname === other.hostname && portOf(one) === portOf(other)
}

function portOf({ port, protocol }: URL): string {
  return port || (protocol === 'https:' ? '443' : '80')
}
