import type { Host } from './hosts.ts'

/**
 * Where the registry that people call `name` is when nothing else is known.
 *
 * A loopback registry may speak plain HTTP without a flag: it is asked in HTTP first, and in TLS when it doesn't
 * answer as a registry does. On port 443 it is TLS alone.
 */
export function ownHosts(name: string, plainHttp: boolean): readonly Host[] {
  const authority = authorityOf(name)
  const at = (scheme: 'http' | 'https'): Host => ({
    name,
    origin: new URL(`${scheme}://${authority}`).origin,
    prefix: '/v2',
    capabilities: ['pull', 'resolve', 'push'],
    headers: {},
    connection: {},
    source: 'built in',
  })
  if (plainHttp) return [{ ...at('http'), isPlainByChoice: true }]
  const { hostname, port } = new URL(`http://${authority}`)
  if (!isLoopback(hostname) || port === '443') return [at('https')]
  return [{ ...at('http'), isGuess: true }, at('https')]
}

/** Docker Hub's registry isn't where its name says. */
export function authorityOf(name: string): string {
  return name === 'docker.io' ? 'registry-1.docker.io' : name
}

/** `hostname` as `URL` normalises it: IPv6 in brackets, `127.1` as 127.0.0.1. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}
