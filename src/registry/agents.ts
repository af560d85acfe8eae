import { readFile } from 'node:fs/promises'
import type { buildConnector, Dispatcher } from 'undici'
import { type Reach, reachOf, type Within } from './address.ts'
import { lookupWithin } from './bounds.ts'
import type { Connection } from './hosts.ts'
import { type Limits, maxHeaderBytes } from './limits.ts'
import type { Memory } from './memory.ts'

/** A way to connect. */
export interface Route {
  readonly connection?: Connection | undefined
  /** Connections are shared only among those that may make them. */
  readonly within: Within
  /** URL of the proxy in between. */
  readonly proxy?: string | undefined
  /** Believes the CAs of this machine, too. */
  readonly trustsSystem?: boolean
}

/** undici's agents, one for each way to connect; each keeps its connections by origin. */
export interface Agents {
  agentFor(route: Route): Promise<Dispatcher>
  /** What kind of address was connected for `origin`: private only if it was each time. */
  reachAt(origin: string): Reach | undefined
  destroy(): Promise<void>
}

/**
 * The HTTP client is loaded with the first exchange: most commands never come to one.
 *
 * `caFiles`: where the CAs of this machine may be; the first that there is counts.
 */
export function openAgents(limits: Limits, memory: Memory, caFiles: readonly string[] = []): Agents {
  const agents = new Map<string, Promise<Dispatcher>>()
  const reaches = new Map<string, Reach>()

  // A name that led to a public address once doesn't become private by leading elsewhere later.
  function note(origin: string, address = ''): void {
    const known = reaches.get(origin)
    if (known === undefined || known === 'private') reaches.set(origin, reachOf(address))
  }

  return {
    agentFor(route) {
      const key = JSON.stringify(route)
      const agent = agents.get(key) ?? openAgent({ limits, memory, caFiles, note }, route)
      agents.set(key, agent)
      return agent
    },
    reachAt: origin => reaches.get(origin),
    async destroy() {
      for (const agent of agents.values()) await (await agent).destroy()
    },
  }
}

type Note = (origin: string, address?: string) => void

interface AgentParts {
  readonly limits: Limits
  readonly memory: Memory
  readonly caFiles: readonly string[]
  readonly note: Note
}

async function openAgent(
  { limits: { connectMs, headersMs, idleMs }, memory, caFiles, note }: AgentParts,
  { connection = {}, within, proxy, trustsSystem = false }: Route,
): Promise<Dispatcher> {
  const timeout = connection.dialTimeoutMs ?? connectMs
  const tls = { timeout, ...(await tlsOptions(connection, trustsSystem ? await readFirst(caFiles) : [])) }
  const limits = { headersTimeout: headersMs, bodyTimeout: idleMs, maxHeaderSize: maxHeaderBytes }
  if (proxy !== undefined) {
    // The whole of undici: its proxies need methods that the entry alone adds.
    const { ProxyAgent } = await import('undici')
    return new ProxyAgent({ ...limits, uri: proxy, proxyTls: { timeout }, requestTls: tls })
  }
  const [{ default: Agent }, { default: connector }] = [
    await import('undici/lib/dispatcher/agent.js'),
    await import('undici/lib/core/connect.js'),
  ]
  return new Agent({
    ...limits,
    connect: noting(connector({ ...tls, lookup: lookupWithin(within), onread: memory.reading() }), note),
  })
}

function noting(open: buildConnector.connector, note: Note): buildConnector.connector {
  return (target, connected) =>
    open(target, (...result) => {
      const [error, socket] = result
      if (error === null) note(new URL(`${target.protocol}//${target.host}`).origin, socket?.remoteAddress)
      connected(...result)
    })
}

/** In Node's words. A CA list of one's own would replace the built-in one, which is loaded where it is needed. */
async function tlsOptions({ ca = [], client, skipVerify }: Connection, systemCa: readonly string[]) {
  const own = [...systemCa, ...ca]
  return {
    ...(own.length === 0 ? {} : { ca: [...(await import('node:tls')).rootCertificates, ...own] }),
    ...(client === undefined ? {} : { cert: client.map(({ cert }) => cert), key: client.map(({ key }) => key) }),
    ...(skipVerify ? { rejectUnauthorized: false } : {}),
  }
}

async function readFirst(files: readonly string[]): Promise<readonly string[]> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text !== undefined) return [text]
  }
  return []
}
