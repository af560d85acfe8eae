import { isIP } from 'node:net'

/** Where an address leads, seen from this machine. `reserved`: nowhere that a registry could be. */
export type Reach = 'public' | 'private' | 'loopback' | 'link-local' | 'reserved'

/** What else than public addresses may be connected. */
export type Within = 'anywhere' | 'private' | 'public'

/** Sources: IANA special-purpose address registries (RFC 6890); RFC 6598; RFC 4193; RFC 3879; RFC 8215. */
const networks: readonly (readonly [network: string, bits: number, reach: Reach])[] = [
  ['127.0.0.0', 8, 'loopback'],
  ['::1', 128, 'loopback'],
  ['169.254.0.0', 16, 'link-local'],
  ['fe80::', 10, 'link-local'],
  ['10.0.0.0', 8, 'private'],
  ['172.16.0.0', 12, 'private'],
  ['192.168.0.0', 16, 'private'],
  ['100.64.0.0', 10, 'private'],
  ['198.18.0.0', 15, 'private'],
  ['fc00::', 7, 'private'],
  ['fec0::', 10, 'private'],
  ['64:ff9b:1::', 48, 'private'],
  // Linux takes 0.0.0.0 and :: for this machine.
  ['0.0.0.0', 8, 'loopback'],
  ['::', 128, 'loopback'],
  ['192.0.0.0', 24, 'reserved'],
  ['224.0.0.0', 3, 'reserved'],
  ['ff00::', 8, 'reserved'],
]

/** Networks of IPv6 in which an IPv4 address is reached, and the byte at which it stands (RFC 4291, 6052, 3056). */
const carriers: readonly (readonly [network: string, bits: number, at: number])[] = [
  ['::ffff:0:0', 96, 12],
  ['64:ff9b::', 96, 12],
  ['2002::', 16, 2],
  ['::', 96, 12],
]

/** `address`: IPv4 in four decimal numbers, or IPv6 with or without a zone; anything else is `reserved`. */
export function reachOf(address: string): Reach {
  if (isIP(address) === 0) return 'reserved'
  const bytes = bytesOf(address)
  const own = reachIn(bytes)
  if (own !== undefined) return own
  const carrier = carriers.find(([network, bits]) => startsWith(bytes, bytesOf(network), bits))
  if (carrier === undefined || bytes.length === 4) return 'public'
  return reachIn(bytes.slice(carrier[2], carrier[2] + 4)) ?? 'public'
}

export function isWithin(reach: Reach, within: Within): boolean {
  if (within === 'anywhere' || reach === 'public') return true
  return within === 'private' && reach === 'private'
}

/** The address that `url` names without a name service; undefined when its host is a name. */
export function literalIn({ hostname }: Pick<URL, 'hostname'>): string | undefined {
  const address = hostname.replace(/^\[|\]$/g, '')
  return isIP(address) === 0 ? undefined : address
}

function reachIn(bytes: readonly number[]): Reach | undefined {
  return networks.find(([network, bits]) => startsWith(bytes, bytesOf(network), bits))?.[2]
}

function startsWith(bytes: readonly number[], network: readonly number[], bits: number): boolean {
  if (bytes.length !== network.length) return false
  return network.every((byte, at) => {
    const shift = Math.max(0, Math.min(8, 8 * (at + 1) - bits))
    return ((bytes[at] ?? 0) ^ byte) >> shift === 0
  })
}

/** Four or sixteen bytes of a valid address. */
function bytesOf(address: string): readonly number[] {
  if (!address.includes(':')) return address.split('.').map(Number)
  const [head = [], tail] = address.replace(/%.*$/, '').split('::').map(hextets)
  return tail === undefined ? [...head] : [...head, ...Array(16 - head.length - tail.length).fill(0), ...tail]

  function hextets(part: string): number[] {
    return part.split(':').flatMap(group => {
      if (group === '') return []
      if (group.includes('.')) return group.split('.').map(Number)
      const value = Number.parseInt(group, 16)
      return [value >> 8, value & 255]
    })
  }
}
