import { rootCertificates } from 'node:tls'
import type { Dispatcher } from 'undici'
import type { Connection } from './hosts.ts'
import type { Limits } from './limits.ts'

/** undici's agents, one for each way to connect; each keeps its connections by origin. */
export interface Agents {
  agentFor(connection?: Connection): Promise<Dispatcher>
  destroy(): Promise<void>
}

/** The HTTP client is loaded with the first exchange: most commands never come to one. */
export function openAgents(limits: Limits): Agents {
  const agents = new Map<string, Promise<Dispatcher>>()
  return {
    agentFor(connection = {}) {
      const key = JSON.stringify(connection)
      const agent = agents.get(key) ?? openAgent(limits, connection)
      agents.set(key, agent)
      return agent
    },
    async destroy() {
      for (const agent of agents.values()) await (await agent).destroy()
    },
  }
}

async function openAgent({ connectMs, headersMs, idleMs }: Limits, connection: Connection): Promise<Dispatcher> {
  const { default: Agent } = await import('undici/lib/dispatcher/agent.js')
  const connect = { timeout: connection.dialTimeoutMs ?? connectMs, ...tlsOptions(connection) }
  return new Agent({ connect, headersTimeout: headersMs, bodyTimeout: idleMs })
}

/** In Node's words. A CA list of one's own would replace the built-in one. */
function tlsOptions({ ca, client, skipVerify }: Connection) {
  return {
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ...ca] }),
    ...(client === undefined ? {} : { cert: client.map(({ cert }) => cert), key: client.map(({ key }) => key) }),
    ...(skipVerify ? { rejectUnauthorized: false } : {}),
  }
}
