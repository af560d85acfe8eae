import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { malformed, printable } from '../spec/json.ts'
import { findCertificates, readCertificates } from './certificates.ts'
import type { Capability, Host } from './hosts.ts'
import { type HostTable, readHostsFile } from './hosts-file.ts'
import { authorityOf, ownHosts } from './own-hosts.ts'

/** The registry that a directory is about, and how it is reached without it. */
interface Registry {
  readonly name: string
  readonly plainHttp: boolean
}

/**
 * The hosts of a registry as `dir` describes them: by its hosts.toml, else by Docker's certificate files.
 *
 * Errors: MALFORMED, naming file and key.
 */
export async function configuredHosts(dir: string, registry: Registry): Promise<readonly Host[]> {
  const file = join(dir, 'hosts.toml')
  if (!existsSync(file)) return await withCertificates(dir, registry)
  const { server, own, mirrors } = await readHostsFile(file)
  const hosts = await Promise.all(mirrors.map(([url, table]) => hostAt(url, table, file, registry)))
  return [...hosts, ...(await serverHosts(server, own, file, registry))]
}

async function withCertificates(dir: string, { name, plainHttp }: Registry): Promise<readonly Host[]> {
  const hosts = ownHosts(name, plainHttp)
  const { ca, client } = await findCertificates(dir)
  if (ca.length + client.length === 0) return hosts
  const connection = await readCertificates(ca, client)
  return withTls(hosts).map(host => ({ ...host, connection, source: dir }))
}

async function serverHosts(
  server: string | undefined,
  table: HostTable,
  file: string,
  registry: Registry,
): Promise<readonly Host[]> {
  if (server !== undefined) return [await hostAt(server, table, file, registry, 'server')]
  const hosts = ownHosts(registry.name, registry.plainHttp)
  const changes = await settingsIn(table, file, true)
  const isAboutTls = table.ca.length + table.client.length > 0 || table.skipVerify
  return (isAboutTls ? withTls(hosts) : hosts).map(host => ({ ...host, ...changes }))
}

/** Who says how to judge a registry's certificate means TLS. */
function withTls(hosts: readonly Host[]): readonly Host[] {
  return hosts.length === 1 ? hosts : hosts.filter(({ isGuess }) => !isGuess)
}

async function hostAt(text: string, table: HostTable, file: string, registry: Registry, key?: string): Promise<Host> {
  const url = urlIn(text, file, key ?? `host."${text}"`)
  const own = new URL(`${url.protocol}//${authorityOf(registry.name)}`).host === url.host
  const path = url.pathname.replace(/\/+$/, '')
  return {
    name: own ? registry.name : nameOf(url.host),
    origin: url.origin,
    prefix: table.overridePath ? path : `${path}/v2`,
    // A server is the registry, wherever it is.
    ...(await settingsIn(table, file, own || key !== undefined)),
    ...(own ? {} : { mirrorOf: registry.name }),
  }
}

async function settingsIn(table: HostTable, file: string, isRegistry: boolean) {
  const at = (path: string) => resolve(file, '..', path)
  const client = table.client.map(([cert, key]) => [at(cert), key === '' ? '' : at(key)] as const)
  const { dialTimeoutMs, skipVerify, headers } = table
  return {
    capabilities: capabilitiesIn(table, isRegistry),
    headers,
    connection: {
      ...(await readCertificates(table.ca.map(at), client)),
      ...(skipVerify ? { skipVerify } : {}),
      ...(dialTimeoutMs === undefined ? {} : { dialTimeoutMs }),
    },
    source: file,
  }
}

/** None given means all; but nobody writes to a mirror that isn't said to take it. */
function capabilitiesIn({ capabilities }: HostTable, isRegistry: boolean): readonly Capability[] {
  if (capabilities === undefined) return isRegistry ? ['pull', 'resolve', 'push'] : ['pull', 'resolve']
  return (['pull', 'resolve', 'push'] as const).filter(capability => capabilities.includes(capability))
}

function urlIn(text: string, file: string, key: string): URL {
  const address = text.includes('://') ? text : `https://${text}`
  const url = URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw malformed(file, `${printable(key)} is not the address of a host`)
  if (url.username !== '' || url.password !== '') throw malformed(file, `${printable(key)} must not have credentials`)
  if (url.hostname === 'docker.io') url.host = authorityOf('docker.io')
  return url
}

/** Credentials for Hub have one name, whatever its registry's address. */
function nameOf(authority: string): string {
  return authority === authorityOf('docker.io') ? 'docker.io' : authority
}
