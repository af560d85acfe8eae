import type { Reference } from '../spec/reference.ts'

/** One place that serves a registry's API. */
export interface Host {
  /** As people name the registry, `host[:port]`: credentials are kept under this name. */
  readonly name: string
  readonly origin: string
  /** Path of the API, without a final slash. */
  readonly prefix: string
  /** `resolve`: trusted to say what a tag means. */
  readonly capabilities: readonly ('pull' | 'resolve')[]
  /** Sent to this origin only. */
  readonly headers: Readonly<Record<string, string>>
}

export interface HostsOptions {
  readonly plainHttp?: boolean
}

/**
 * The hosts that serve `reference`, in the order in which they are asked.
 *
 * A loopback registry may speak plain HTTP without a flag: it is asked in HTTP first, and in TLS when it doesn't
 * answer as a registry does. On port 443 it is TLS alone.
 */
export function hostsOf({ host: name }: Reference, { plainHttp = false }: HostsOptions): readonly Host[] {
  const authority = name === 'docker.io' ? 'registry-1.docker.io' : name
  const at = (scheme: 'http' | 'https'): Host => ({
    name,
    origin: new URL(`${scheme}://${authority}`).origin,
    prefix: '/v2',
    capabilities: ['pull', 'resolve'],
    headers: {},
  })
  if (plainHttp) return [at('http')]
  const { hostname, port } = new URL(`http://${authority}`)
  if (!isLoopback(hostname) || port === '443') return [at('https')]
  return [at('http'), at('https')]
}

/** `hostname` as `URL` normalises it: IPv6 in brackets, `127.1` as 127.0.0.1. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}
