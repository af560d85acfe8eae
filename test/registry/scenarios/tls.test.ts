/** Certificates that aren't right, and TLS that breaks. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { createAuthority } from '../../support/wire/certificates.ts'
import { broken, bytes, type Ending, redirect } from '../../support/wire/faults.ts'
import { challengeWith, guardByPassword, guardByToken } from '../../support/wire/guard.ts'
import { type Lab, testAuthority } from '../../support/wire/lab.ts'
import { asked, layer, sample } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

const address = '127.0.0.1'
const half = layer.size >> 1

/** The registry, which is trusted by the tests' authority. */
function trusted(lab: Lab, ...lines: readonly string[]): void {
  lab.describe(`server = "https://${lab.registry.authority}"`, `ca = "${lab.trust()}"`, ...lines)
}

const untrusted = {
  'of an unknown authority': () => createAuthority('nobody').issue([address]),
  'for another address': () => testAuthority().issue(['127.0.0.77']),
  'for a name': () => testAuthority().issue(['registry.example']),
  'that has expired': () => testAuthority().issue([address], { days: -1 }),
  'that vouches for itself': () => createAuthority(address),
}

/** Instead of a handshake. */
const greetings: Readonly<Record<string, (socket: Socket) => unknown>> = {
  'an end': socket => socket.end(),
  'a reset': socket => socket.once('data', () => socket.resetAndDestroy()),
  silence: () => {},
  'an answer in HTTP': socket => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  'half a record': socket => socket.end(Buffer.from('1603030200020000', 'hex')),
  'a record of 64 KiB': socket => socket.end(Buffer.concat([Buffer.from('160303ffff', 'hex'), Buffer.alloc(65_535)])),
  'an alert': socket => socket.end(Buffer.from('15030300020228', 'hex')),
}

scenarios('tls', [
  {
    name: 'F22 a registry whose authority is named is trusted',
    tls: true,
    given: lab => trusted(lab),
    exit: 0,
  },
  {
    name: 'F22 a loopback registry that speaks TLS is found to',
    tls: true,
    given: lab => lab.describe(`ca = "${lab.trust()}"`),
    exit: 0,
  },
  ...Object.entries(untrusted).map(
    ([what, tls]): Scenario => ({
      name: `F22 a certificate ${what} is refused, and nothing is asked`,
      tls,
      given: lab => trusted(lab),
      exit: 5,
      code: 'UNAVAILABLE',
      message: /TLS error/,
      heals: false,
      also: ({ registry }) => assert.deepEqual([registry.requests.length, registry.connections.length], [0, 1]),
    }),
  ),
  {
    name: 'F22 any certificate will do where the user says so',
    tls: untrusted['for a name'],
    given: lab => lab.describe(`server = "https://${lab.registry.authority}"`, 'skip_verify = true'),
    exit: 0,
  },
  {
    name: 'T6 carelessness about the registry is none about where it leads',
    tls: true,
    async given(lab) {
      const other = await lab.host('storage', { certificate: untrusted['that vouches for itself']() })
      lab.allowed.push(other.authority)
      lab.describe(`server = "https://${lab.registry.authority}"`, 'skip_verify = true')
      lab.registry.on(asked.layer, redirect(`${other.origin}/v2/x/blobs/${layer.digest}`))
    },
    exit: 5,
    code: 'UNAVAILABLE',
    heals: false,
    also: ({ hosts }) => assert.deepEqual(hosts.get('storage')?.requests, []),
  },
  {
    name: 'T6 a realm with a certificate of its own making gets no credential',
    tls: true,
    async given(lab) {
      const realm = await lab.host('realm', { certificate: untrusted['that vouches for itself']() })
      lab.allowed.push(realm.authority)
      trusted(lab)
      guardByToken(lab.registry, realm)
    },
    exit: 5,
    code: 'UNAVAILABLE',
    heals: false,
    also: ({ hosts }) => assert.deepEqual(hosts.get('realm')?.requests, []),
  },
  {
    name: 'T3 a realm without TLS for a registry that has it gets no credential',
    tls: true,
    async given(lab) {
      const realm = await lab.host('realm')
      lab.allowed.push(realm.authority)
      trusted(lab)
      lab.registry.on(/ \/v2\//, challengeWith(`Bearer realm="${realm.origin}/token"`))
    },
    exit: 5,
    code: 'INVALID_RESPONSE',
    also: ({ hosts }) => assert.deepEqual(hosts.get('realm')?.requests, []),
  },
  {
    name: 'F11 a redirect from TLS to none is not followed',
    tls: true,
    async given(lab) {
      const other = await lab.host('storage')
      lab.allowed.push(other.authority)
      trusted(lab)
      lab.registry.on(asked.layer, redirect(`${other.origin}/v2/x/blobs/${layer.digest}`))
    },
    exit: 5,
    code: 'INVALID_RESPONSE',
    also: ({ hosts }) => assert.deepEqual(hosts.get('storage')?.requests, []),
  },
  {
    name: 'F22 a registry that should speak TLS and does not is never asked without',
    given: lab => {
      guardByPassword(lab.registry)
      lab.describe(`server = "https://${lab.registry.authority}"`)
    },
    exit: 5,
    code: 'UNAVAILABLE',
    heals: false,
    also: ({ registry }) => assert.deepEqual(registry.requests, []),
  },
  ...Object.entries(greetings).map(
    ([what, greet]): Scenario => ({
      name: `F22 ${what} in place of a handshake`,
      tls: true,
      limits: { connectMs: 1_000 },
      given(lab) {
        trusted(lab)
        lab.registry.greet(greet)
      },
      exit: 5,
      code: 'UNAVAILABLE',
      heals: what !== 'silence', // nor is this machine always that quick
    }),
  ),
  ...(['reset', 'close', 'fallSilent'] as readonly Ending[]).map(
    (ending): Scenario => ({
      name: `F22 F1 TLS that breaks off in mid-layer (${ending}) is made up for`,
      tls: true,
      given(lab) {
        trusted(lab)
        lab.registry.on(asked.layer, broken(half, ending), 1)
      },
      exit: 0,
      maxRefetched: half, // what lay undecrypted when the connection broke
    }),
  ),
  {
    name: 'F22 F3 a body without a length that ends without the farewell of TLS',
    tls: true,
    given(lab) {
      trusted(lab)
      const content = sample.blobs.get(layer.digest) ?? Buffer.alloc(0)
      lab.registry.on(asked.layer, bytes('HTTP/1.1 200 OK\r\n\r\n', content.subarray(0, half)), 1)
    },
    exit: 0,
    maxRefetched: half,
  },
  {
    name: 'F22 the command refuses a certificate that has expired',
    by: 'command',
    tls: untrusted['that has expired'],
    given: lab => trusted(lab),
    exit: 5,
    code: 'UNAVAILABLE',
    message: /TLS error/,
    heals: false,
  },
  {
    name: 'F22 T4 the command pulls by TLS with a password',
    by: 'command',
    tls: true,
    given(lab) {
      trusted(lab)
      guardByPassword(lab.registry)
      lab.registry.on(asked.layer, broken(half, 'close'), 1)
    },
    exit: 0,
    secretsTo: ['registry'],
    maxRefetched: half,
    also: ({ registry }) => assertAsked(registry, asked.layer, 4),
  },
])
