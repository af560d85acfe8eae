import { command } from '../support/command.ts'

/** Two machines, as far as the network goes, with a cable between them. Needs root, iproute2 and nftables. */
export interface Network {
  /** Words that run a program at one end. */
  readonly client: readonly string[]
  readonly server: readonly string[]
  readonly serverAddress: string
  /** Replaces what the client's firewall does to packets, by rules of nftables. */
  filter(hook: 'input' | 'output', ...rules: readonly string[]): void
  /** Packets that the filter's counters have seen. */
  counted(): number
  /** Lets bytes through to the client at this rate; undefined: as they come. */
  limit(bitsPerSecond: string | undefined): void
  /** Pulls the cable, or plugs it in. */
  setUp(up: boolean): void
  remove(): void
}

let networks = 0

export function openNetwork(): Network {
  networks += 1
  const name = (end: string) => `davit-${end}-${process.pid}-${networks}`
  const [client, server] = [name('c'), name('s')]
  const serverAddress = '10.213.0.1'
  const inside = (end: string) => ['ip', 'netns', 'exec', end] as const
  const at = (end: string, ...words: readonly string[]) => command('ip', 'netns', 'exec', end, ...words)

  for (const end of [client, server]) {
    command('ip', 'netns', 'add', end)
    at(end, 'ip', 'link', 'set', 'lo', 'up')
  }
  command('ip', 'link', 'add', 'cable', 'netns', client, 'type', 'veth', 'peer', 'name', 'cable', 'netns', server)
  at(client, 'ip', 'address', 'add', '10.213.0.2/24', 'dev', 'cable')
  at(server, 'ip', 'address', 'add', `${serverAddress}/24`, 'dev', 'cable')
  for (const end of [client, server]) at(end, 'ip', 'link', 'set', 'cable', 'up')

  return {
    client: inside(client),
    server: inside(server),
    serverAddress,
    filter(hook, ...rules) {
      const chain = ['chain weather {', `type filter hook ${hook} priority 0`, ...rules, '}']
      // All at once: what there was goes, if there was something.
      const table = ['add table inet weather', 'delete table inet weather', 'table inet weather {', ...chain, '}', '']
      at(client, 'nft', table.join('\n'))
    },
    counted() {
      const counters = at(client, 'nft', 'list table inet weather').matchAll(/counter packets (\d+)/g)
      return [...counters].reduce((total, [, packets]) => total + Number(packets), 0)
    },
    limit(rate) {
      if (rate === undefined) at(server, 'tc', 'qdisc', 'del', 'dev', 'cable', 'root')
      else at(server, 'tc', ...`qdisc replace dev cable root tbf rate ${rate} burst 64kb latency 50ms`.split(' '))
    },
    setUp(up) {
      at(server, 'ip', 'link', 'set', 'cable', up ? 'up' : 'down')
    },
    remove() {
      for (const end of [client, server]) command('ip', 'netns', 'delete', end)
    },
  }
}
