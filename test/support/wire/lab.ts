import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BuiltImage } from '../image.ts'
import { type Authority, type Certificate, createAuthority } from './certificates.ts'
import { password, secrets, user } from './guard.ts'
import { startHost, type WireHost } from './host.ts'
import { type Link, startLink, type Weather } from './link.ts'
import { sample } from './sample.ts'

/** The hosts of one scenario, what they serve, and an empty store. */
export interface Lab {
  /** Holds the image; the reference names it. */
  readonly registry: WireHost
  readonly hosts: ReadonlyMap<string, WireHost>
  /** What the reference should give. */
  image: BuiltImage
  /** Host of the reference; the registry, or what stands before it. */
  front: string
  /** Without its host: `team/app:1`. */
  name: string
  /** Of the store. */
  readonly root: string
  /** Directory with Docker's config.json: it knows the password for the registry. */
  readonly docker: string
  /** As of containerd's certs.d. */
  readonly hostsDir: string
  /** Hosts that the user has named to davit, beyond the registry. */
  readonly allowed: string[]
  /** Writes the hosts.toml of the registry. */
  describe(...lines: readonly string[]): void
  /** A further host, on an address of its own; it holds the image too. */
  host(name: string, options?: FurtherOptions): Promise<WireHost>
  /** Puts a bad link before the registry. */
  link(weather: (connection: number) => Weather): Promise<Link>
  /** Serves `image` in place of the sample. */
  serve(image: BuiltImage): void
  /** Path of the authority's certificate. */
  trust(): string
  /** Names of the hosts that were sent a secret. */
  leaks(): readonly string[]
  close(): Promise<void>
}

interface FurtherOptions {
  /** Default: one that no other host has. */
  readonly address?: string
  /** It speaks TLS, with a certificate of the tests' authority. */
  readonly tls?: boolean
  /** It speaks TLS with this certificate. */
  readonly certificate?: Certificate
}

export interface LabOptions extends FurtherOptions {
  readonly directory: string
  /** Its hosts have no image. */
  readonly isEmpty?: boolean
}

/** One a process: making keys takes time. */
let authority: Authority | undefined

export function testAuthority(): Authority {
  authority ??= createAuthority()
  return authority
}

export async function openLab({ directory, isEmpty = false, ...options }: LabOptions): Promise<Lab> {
  const hosts = new Map<string, WireHost>()
  const links: Link[] = []
  const add = async (name: string, options: FurtherOptions): Promise<WireHost> => {
    const { address = `127.0.0.${hosts.size + 1}`, tls: secure = false } = options
    const certificate = options.certificate ?? (secure ? testAuthority().issue([address]) : undefined)
    const host = await startHost({ address, ...(certificate === undefined ? {} : { tls: certificate }) })
    if (!isEmpty) host.content.putImage(sample, '1')
    hosts.set(name, host)
    return host
  }
  const registry = await add('registry', options)
  const docker = join(directory, 'docker')
  const hostsDir = join(directory, 'certs.d')
  for (const dir of [docker, hostsDir]) mkdirSync(dir, { recursive: true })
  const auth = Buffer.from(`${user}:${password}`).toString('base64')
  writeFileSync(join(docker, 'config.json'), JSON.stringify({ auths: { [registry.authority]: { auth } } }))

  const lab: Lab = {
    registry,
    hosts,
    image: sample,
    front: registry.authority,
    name: 'team/app:1',
    root: join(directory, 'store'),
    docker,
    hostsDir,
    allowed: [],
    describe(...lines) {
      const own = join(hostsDir, registry.authority)
      mkdirSync(own, { recursive: true })
      writeFileSync(join(own, 'hosts.toml'), lines.join('\n'))
    },
    host: (name, options = {}) => add(name, options),
    async link(weather) {
      const link = await startLink(registry.authority, weather)
      links.push(link)
      lab.front = link.authority
      return link
    },
    serve(image) {
      lab.image = image
      for (const { content } of hosts.values()) content.putImage(image, '1')
    },
    trust() {
      const path = join(directory, 'authority.pem')
      writeFileSync(path, testAuthority().cert)
      return path
    },
    leaks() {
      const got = ({ connections }: WireHost) =>
        connections.some(bytes => secrets.some(secret => bytes.includes(secret)))
      return [...hosts].filter(([, host]) => got(host)).map(([name]) => name)
    },
    async close() {
      for (const each of [...links, ...hosts.values()]) await each.close()
    },
  }
  return lab
}
