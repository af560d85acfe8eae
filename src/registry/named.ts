import { type HostsDirs, hasOwnDir } from './hosts-dir.ts'

export interface NamedOptions extends HostsDirs {
  /** `host[:port]` as the user gave it; without a port, every port of that host. */
  readonly allowHosts?: readonly string[]
}

/**
 * Whether the user has named the host and port of `url`: by a directory of its own for it, or outright. What a registry
 * alone names (a redirect, a realm, a foreign layer) is not trusted with credentials or private addresses.
 */
export function isNamed(url: URL, options: NamedOptions): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  const { hostname } = url
  const isAllowed = (options.allowHosts ?? []).some(text => {
    const [, host = '', only] = /^(.*?)(?::(\d+))?$/.exec(normalised(text)) ?? []
    return host === hostname && (only === undefined || only === port)
  })
  return isAllowed || hasOwnDir(url.host, options) || hasOwnDir(`${hostname}:${port}`, options)
}

/** As `URL` writes it, default ports included: `EXAMPLE.com:443` → `example.com:443`. */
function normalised(text: string): string {
  const [, host = text, port] = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(text) ?? []
  const bracketed = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  const hostname = URL.canParse(`http://${bracketed}`) ? new URL(`http://${bracketed}`).hostname : bracketed
  return port === undefined ? hostname : `${hostname}:${port}`
}
