import { BlockList, isIP } from 'node:net'
import { ImageError } from '../errors.ts'
import { literalIn } from './address.ts'

/** Who carries requests, as the usual environment variables have it. */
export interface Proxies {
  /** URL of the proxy for plain HTTP. */
  readonly http?: string
  /** URL of the proxy for HTTP over TLS. */
  readonly https?: string
  /** Hosts that are reached without: names with their subdomains, addresses, networks, each with or without a port; `*`. */
  readonly none?: string
}

/**
 * The proxy for `url`; undefined for none. Loopback is never behind one.
 *
 * Errors: INVALID_ARGUMENT for a proxy that is no HTTP address.
 * Source: Go, golang.org/x/net/http/httpproxy, as docker, containerd and podman have it.
 */
export function proxyFor(url: URL, proxies: Proxies): URL | undefined {
  const text = url.protocol === 'https:' ? proxies.https : proxies.http
  if (!text || isDirect(url, proxies.none ?? '')) return undefined
  const address = text.includes('://') ? text : `http://${text}`
  const proxy = URL.canParse(address) ? new URL(address) : undefined
  if (proxy !== undefined && /^https?:$/.test(proxy.protocol)) return proxy
  const variable = url.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY'
  // Without its text, which may hold a password.
  const message = `Cannot use the proxy that ${variable} names: not the address of an HTTP proxy`
  throw new ImageError('INVALID_ARGUMENT', message, { argument: variable })
}

function isDirect(url: URL, none: string): boolean {
  const address = literalIn(url)
  if (url.hostname === 'localhost' || (address !== undefined && loopback.check(address, familyOf(address)))) return true
  return none.split(',').some(entry => matches(url, address, entry.trim().toLowerCase()))
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

function matches(url: URL, address: string | undefined, entry: string): boolean {
  if (entry === '') return false
  if (entry === '*') return true
  if (entry.includes('/')) return address !== undefined && isInNetwork(address, entry)
  const [, host = '', port] =
    /^(\[.*\]|[^:]*|[^[]*:[^[]*:.*?)(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
  if (port !== undefined && port !== (url.port || (url.protocol === 'https:' ? '443' : '80'))) return false
  const suffix = host.replace(/^\*(?=\.)/, '')
  if (suffix.startsWith('.')) return url.hostname.endsWith(suffix)
  return url.hostname === suffix || (address === undefined && url.hostname.endsWith(`.${suffix}`))
}

function isInNetwork(address: string, network: string): boolean {
  const [base = '', bits = ''] = network.split('/')
  if (isIP(base) === 0 || isIP(base) !== isIP(address) || !/^\d{1,3}$/.test(bits)) return false
  if (Number(bits) > (isIP(base) === 4 ? 32 : 128)) return false
  const list = new BlockList()
  list.addSubnet(base, Number(bits), familyOf(base))
  return list.check(address, familyOf(address))
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}
