/** Doors, keys, and those who ask for keys that aren't theirs. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Script } from '../../support/wire/exchange.ts'
import { broken, bytes, endless, redirect, serve, status } from '../../support/wire/faults.ts'
import { challengeWith, guardByPassword, guardByToken, identityToken } from '../../support/wire/guard.ts'
import type { Lab } from '../../support/wire/lab.ts'
import { asked, layer } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

const head = 'HTTP/1.1 200 OK\r\n'

function tokenOf(value: string): Script {
  return bytes(`${head}content-length: ${Buffer.byteLength(value)}\r\n\r\n${value}`)
}

function guarded(script: Script, times?: number): (lab: Lab) => void {
  return ({ registry }) => {
    guardByToken(registry)
    registry.on(asked.token, script, times)
  }
}

/** A challenge that ends in the middle of its body. */
function silentChallenge(realm: string): Script {
  return async exchange => {
    await exchange.send(`HTTP/1.1 401 No\r\nwww-authenticate: Bearer realm="${realm}"\r\ncontent-length: 99\r\n\r\n{`)
    exchange.fire()
    await exchange.fallSilent()
  }
}

/** Answers of a token server that are no token. */
const noToken: readonly (readonly [string, Script])[] = [
  ['no JSON', tokenOf('canary-token-1')],
  ['an empty object', tokenOf('{}')],
  ['an empty token', tokenOf('{"token":""}')],
  ['a token that is no text', tokenOf('{"token":{"a":1}}')],
  ['an array', tokenOf('["canary-token-1"]')],
  ['a token with a line break', tokenOf('{"token":"a\\r\\nx-evil: 1"}')],
  ['a token with a NUL', tokenOf('{"token":"a\\u0000b"}')],
  ['a lifetime that is no number', tokenOf('{"token":"canary-token-1","expires_in":"long"}')],
  ['no body', bytes(`${head}content-length: 0\r\n\r\n`)],
  ['a body of 1 MiB', tokenOf(`{"token":"${'a'.repeat(2 ** 20)}"}`)],
  ['a body without end', endless(`${head}\r\n`, 'a'.repeat(65_536))],
  ['204', status(204, {}, '')],
  ['a redirect', redirect('http://127.0.0.9:9/token')],
]

/** Once; then it is itself again. */
const passing: readonly (readonly [string, Script])[] = [
  ['503', status(503)],
  ['429', status(429)],
  ['a reset', broken('before the head', 'reset')],
  ['silence', broken('before the head', 'fallSilent')],
]

const lifetimes = [-1, 0, 0.5, 1, 1e300]

/** Challenges beside the one that counts. */
const challenges: readonly (readonly [string, (realm: string) => readonly string[]])[] = [
  ['an unknown scheme first', realm => ['Negotiate abc==', `Bearer realm="${realm}"`]],
  ['all in one line', realm => [`Negotiate abc==, Basic realm="x", Bearer realm="${realm}",service="a,b"`]],
  ['no quotes around the service', realm => [`bEaReR REALM="${realm}" , service=wire`]],
  ['a quote inside a quote', realm => [`Bearer service="a \\"b\\", Basic realm=c",realm="${realm}"`]],
]

const noWayIn: readonly (readonly [string, readonly string[]])[] = [
  ['no challenge', []],
  ['an empty challenge', ['']],
  ['a scheme that davit does not know', ['Digest realm="x",nonce="y"']],
  ['garbage', ['",,=="\\"\\\\,, ==']],
  ['64 KiB of commas', [','.repeat(15_000)]],
]

const badRealms: readonly (readonly [string, string])[] = [
  ['a path', '/token'],
  ['a file', 'file:///etc/passwd'],
  ['no address', 'http://'],
  ['a user name in it', 'http://ada:x@127.0.0.9:9/token'],
  ['another protocol', 'gopher://127.0.0.9/'],
]

scenarios('auth', [
  {
    name: 'T4 a password is sent to the registry that asks for it',
    given: ({ registry }) => guardByPassword(registry),
    exit: 0,
    secretsTo: ['registry'],
  },
  {
    name: 'T4 a token is fetched once for all requests',
    given: ({ registry }) => guardByToken(registry),
    exit: 0,
    secretsTo: ['registry'],
    also: ({ registry }) => assertAsked(registry, asked.token, 1),
  },
  {
    name: 'T4 an identity token goes to the realm in a form',
    given(lab) {
      const auths = { [lab.registry.authority]: { identitytoken: identityToken } }
      writeFileSync(join(lab.docker, 'config.json'), JSON.stringify({ auths }))
      guardByToken(lab.registry)
    },
    exit: 0,
    secretsTo: ['registry'],
    also: ({ registry }) => assert.ok(registry.requests.some(({ method }) => method === 'POST')),
  },
  {
    name: 'T4 the command sends a password where it belongs',
    by: 'command',
    given: ({ registry }) => guardByToken(registry),
    exit: 0,
    secretsTo: ['registry'],
  },
  ...noToken.map(
    ([what, script]): Scenario => ({
      name: `F10 T7 a token server that answers with ${what}`,
      given: guarded(script),
      exit: 5,
      code: 'INVALID_RESPONSE',
      secretsTo: ['registry'],
      leaves: 'nothing',
    }),
  ),
  ...passing.map(
    ([what, script]): Scenario => ({
      name: `F10 a token server that answers with ${what} once`,
      given: guarded(script, 1),
      exit: 0,
      secretsTo: ['registry'],
    }),
  ),
  {
    name: 'F10 a token server that fails for ever',
    given: guarded(status(500)),
    exit: 5,
    code: 'UNAVAILABLE',
    secretsTo: ['registry'],
    also: ({ registry }) => assertAsked(registry, asked.token, 3),
  },
  {
    name: 'F10 a token server that refuses',
    given: guarded(status(401)),
    exit: 4,
    code: 'UNAUTHORIZED',
    secretsTo: ['registry'],
    also: ({ registry }) => assertAsked(registry, asked.token, 1),
  },
  {
    name: 'F10 the command ends with 4 when a token server refuses',
    by: 'command',
    given: guarded(status(401)),
    exit: 4,
    code: 'UNAUTHORIZED',
    secretsTo: ['registry'],
    heals: false,
  },
  ...lifetimes.map(
    (expiresIn): Scenario => ({
      name: `F10 a token that is said to live ${expiresIn} seconds is used`,
      given: ({ registry }) => guardByToken(registry, registry, { expiresIn }),
      exit: 0,
      secretsTo: ['registry'],
      also: ({ registry }) => assertAsked(registry, asked.token, 2),
    }),
  ),
  {
    name: 'F9 a token that expires in mid-layer is renewed, and the layer goes on where it was',
    given({ registry }) {
      const guard = guardByToken(registry)
      registry.on(asked.resolve, challengeWith(`Bearer realm="${registry.origin}/token"`), 1)
      registry.on(
        asked.layer,
        async exchange => {
          guard.revoke()
          await broken(layer.size >> 1, 'reset')(exchange)
        },
        1,
      )
    },
    exit: 0,
    secretsTo: ['registry'],
    also: ({ registry }) => assertAsked(registry, asked.token, 2),
  },
  {
    name: 'F9 a token that is never good enough',
    given: ({ registry }) => {
      guardByToken(registry)
      registry.on(/ \/v2\//, challengeWith(`Bearer realm="${registry.origin}/token"`))
    },
    exit: 4,
    code: 'UNAUTHORIZED',
    secretsTo: ['registry'],
    also: ({ registry }) => assertAsked(registry, asked.anything, 8),
  },
  {
    name: 'F2 F9 a challenge whose body falls silent is asked for again',
    given: ({ registry }) => {
      guardByToken(registry)
      registry.on(asked.resolve, status(405))
      registry.on(asked.manifest, silentChallenge(`${registry.origin}/token`), 1)
    },
    exit: 0,
    secretsTo: ['registry'],
  },
  {
    name: 'F2 F9 challenges whose bodies always fall silent',
    given: ({ registry }) => {
      guardByToken(registry)
      registry.on(asked.layer, silentChallenge(`${registry.origin}/token`))
    },
    limits: { idleMs: 500 },
    exit: 5,
    code: 'UNAVAILABLE',
    secretsTo: ['registry'],
    also: ({ registry }) => assertAsked(registry, asked.layer, 3),
  },
  {
    name: 'F9 a password that is never good enough',
    given: ({ registry }) => registry.on(/ \/v2\//, challengeWith('Basic realm="x"')),
    exit: 4,
    code: 'UNAUTHORIZED',
    secretsTo: ['registry'],
    also: ({ registry }) => assertAsked(registry, asked.anything, 4),
  },
  ...challenges.map(
    ([what, lines]): Scenario => ({
      name: `F9 challenges with ${what}`,
      given: ({ registry }) => {
        guardByToken(registry)
        registry.on(asked.resolve, challengeWith(...lines(`${registry.origin}/token`)), 1)
      },
      exit: 0,
      secretsTo: ['registry'],
    }),
  ),
  ...noWayIn.map(
    ([what, lines]): Scenario => ({
      name: `F9 401 with ${what}`,
      given: ({ registry }) => registry.on(/ \/v2\//, challengeWith(...lines)),
      exit: 4,
      code: 'UNAUTHORIZED',
      also: ({ registry }) => assertAsked(registry, asked.anything, 4),
    }),
  ),
  ...badRealms.map(
    ([what, realm]): Scenario => ({
      name: `T3 a realm that is ${what}`,
      given: ({ registry }) => registry.on(/ \/v2\//, challengeWith(`Bearer realm="${realm}"`)),
      exit: 5,
      code: 'INVALID_RESPONSE',
      leaves: 'nothing',
    }),
  ),
  {
    name: 'T3 a realm at a host that the user has named gets the credentials',
    async given(lab) {
      const realm = await lab.host('realm')
      lab.allowed.push(realm.authority)
      guardByToken(lab.registry, realm)
    },
    exit: 0,
    secretsTo: ['realm', 'registry'],
  },
  {
    name: 'F9 403 is no question',
    given: ({ registry }) => registry.on(asked.layer, status(403)),
    exit: 4,
    code: 'UNAUTHORIZED',
    also: ({ registry }) => assertAsked(registry, asked.layer, 1),
  },
  {
    name: 'T42 a registry that quotes a password back is not quoted',
    given: ({ registry }) =>
      registry.on(/ \/v2\//, async exchange => {
        const { headers } = exchange.request
        const sent = headers.map(pair => pair.join(': ')).join(' ')
        const message = `wrong: ${sent} ${Buffer.from(sent.split(' ').at(-1) ?? '', 'base64')}`
        await status(403, {}, JSON.stringify({ errors: [{ code: 'DENIED', message }] }))(exchange)
      }),
    exit: 4,
    code: 'UNAUTHORIZED',
  },
  {
    name: 'T42 control characters of a registry stay out of messages',
    given: ({ registry }) =>
      registry.on(asked.layer, status(403, {}, '{"errors":[{"code":"D","message":"\\u001b[2J\\r\\n\\u202e"}]}')),
    exit: 4,
    code: 'UNAUTHORIZED',
  },
  {
    name: 'T7 an error body without end',
    given: ({ registry }) => registry.on(asked.layer, endless('HTTP/1.1 403 No\r\n\r\n', 'a'.repeat(65_536))),
    exit: 4,
    code: 'UNAUTHORIZED',
  },
  {
    name: 'F9 a layer that needs no token is served without',
    given: ({ registry }) => {
      guardByToken(registry)
      registry.on(asked.layer, serve)
    },
    exit: 0,
    secretsTo: ['registry'],
  },
])
