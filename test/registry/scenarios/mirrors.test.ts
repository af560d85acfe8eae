/** Mirrors that are down, late, behind, wrong or curious. */
import assert from 'node:assert/strict'
import type { Script } from '../../support/wire/exchange.ts'
import { broken, bytes, redirect, serve, status, withChanges, withoutRange } from '../../support/wire/faults.ts'
import { challengeWith, guardByPassword } from '../../support/wire/guard.ts'
import type { WireHost } from '../../support/wire/host.ts'
import type { Lab } from '../../support/wire/lab.ts'
import { headerOf } from '../../support/wire/message.ts'
import { asked, config, layer } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

const half = layer.size >> 1

/** A mirror before the registry, by hosts.toml. */
async function mirror(lab: Lab, capabilities: readonly string[] = ['pull'], ...lines: readonly string[]) {
  const host = await lab.host('mirror')
  lab.describe(
    `server = "${lab.registry.origin}"`,
    `[host."${host.origin}"]`,
    `capabilities = ${JSON.stringify(capabilities)}`,
    ...lines,
  )
  return host
}

function mirrorThat(script: Script, what: RegExp = asked.blobs, times?: number): (lab: Lab) => Promise<void> {
  return async lab => (await mirror(lab)).on(what, script, times)
}

function requestsOf({ hosts }: Lab, name: string): WireHost['requests'] {
  return hosts.get(name)?.requests ?? []
}

/** Of the right length. */
function spoilt(honest: Buffer): Buffer {
  honest[honest.length >> 1] = (honest[honest.length >> 1] ?? 0) ^ 1
  return honest
}

/** In place of every blob: the registry has it, too. */
const faults: readonly (readonly [string, Script])[] = [
  ['404', status(404)],
  ['400', status(400)],
  ['403', status(403)],
  ['429 for a year', status(429, { 'retry-after': `${365 * 24 * 3_600}` })],
  ['429', status(429)],
  ['500', status(500)],
  ['503', status(503, { 'retry-after': '30' })],
  ['a reset', broken('before the head', 'reset')],
  ['an end', broken('before the head', 'close')],
  ['silence', broken('before the head', 'fallSilent')],
  ['what is not HTTP', bytes('220 mail.example ESMTP\r\n')],
  ['a redirect to nowhere', status(302, {}, '')],
  ['a challenge', challengeWith('Basic realm="mirror"')],
  ['a challenge for a token', challengeWith('Bearer realm="https://127.0.0.9:9/token"')],
  ['204', status(204, {}, '')],
]

/** In place of the layer, once something of it has come. */
const midBody: readonly (readonly [string, Script])[] = [
  ['resets', broken(half, 'reset')],
  ['ends', broken(half, 'close')],
  ['falls silent', broken(half, 'fallSilent')],
]

scenarios('mirrors', [
  {
    name: 'F24 a mirror that may resolve serves all, and the registry is not asked',
    given: lab => mirror(lab, ['pull', 'resolve']),
    exit: 0,
    also(lab) {
      assert.deepEqual(lab.registry.requests, [])
      assert.ok(
        requestsOf(lab, 'mirror').every(({ target }) =>
          target.endsWith(`?ns=${lab.registry.authority}`.replace(':', '%3A')),
        ),
      )
    },
  },
  {
    name: 'F24 a mirror that may only pull is asked for no tag',
    given: lab => mirror(lab),
    exit: 0,
    also(lab) {
      assert.deepEqual(
        requestsOf(lab, 'mirror').filter(({ target }) => target.includes('/manifests/1')),
        [],
      )
      assert.deepEqual(
        lab.registry.requests.filter(({ target }) => target.includes('/blobs/')),
        [],
      )
    },
  },
  ...faults.map(
    ([what, script]): Scenario => ({
      name: `F24 a mirror that answers blobs with ${what} is passed over`,
      given: mirrorThat(script),
      exit: 0,
      also: lab => assert.ok(requestsOf(lab, 'mirror').length <= 3),
    }),
  ),
  ...midBody.map(
    ([what, script]): Scenario => ({
      name: `F24 a mirror that ${what} in mid-layer: the registry goes on there`,
      given: mirrorThat(script, asked.layer),
      exit: 0,
      also: ({ registry }) =>
        assert.deepEqual(
          registry.requests
            .filter(({ target }) => target.includes(layer.digest))
            .map(({ headers }) => headerOf({ headers }, 'range')),
          [`bytes=${half}-`],
        ),
    }),
  ),
  ...['none', 'erofs'].map(
    (snapshotter): Scenario => ({
      name: `F13 F24 wrong bytes from a mirror are had from the registry, for ${snapshotter}`,
      given: mirrorThat(withChanges({}, spoilt)),
      snapshotter,
      maxRefetched: layer.size + config.size,
      exit: 0,
      also(lab) {
        assert.ok(requestsOf(lab, 'mirror').length <= 2)
        assertAsked(lab.registry, asked.layer, 1)
      },
    }),
  ),
  {
    name: 'F13 wrong bytes from everybody are refused after one more try',
    async given(lab) {
      const host = await mirror(lab)
      for (const each of [host, lab.registry]) each.on(asked.layer, withChanges({}, spoilt))
    },
    maxRefetched: layer.size,
    exit: 7,
    code: 'DIGEST_MISMATCH',
    also(lab) {
      assert.equal(requestsOf(lab, 'mirror').filter(({ target }) => asked.layer.test(`GET ${target}`)).length, 1)
      assertAsked(lab.registry, asked.layer, 1)
    },
  },
  {
    name: 'F24 a mirror that is down',
    given: lab => lab.describe(`server = "${lab.registry.origin}"`, '[host."http://127.0.0.9:9"]'),
    exit: 0,
  },
  {
    name: 'F24 F13 a mirror with wrong bytes: the layer is fetched anew from the registry',
    given: mirrorThat(
      withChanges({}, body => body.fill(0, 0, 9)),
      asked.layer,
    ),
    exit: 0,
    maxRefetched: layer.size + 65_536,
  },
  {
    name: 'F24 F4 a mirror with a layer of another length',
    given: mirrorThat(
      withChanges({}, body => body.subarray(1)),
      asked.layer,
    ),
    exit: 0,
    maxRefetched: layer.size,
  },
  {
    name: 'F24 F17 a mirror that knows no ranges',
    async given(lab) {
      const host = await mirror(lab)
      host.on(asked.layer, withoutRange())
      lab.registry.on(asked.layer, serve)
    },
    untouched: true,
    exit: 0,
  },
  {
    name: 'F24 a mirror that lacks one blob is asked for the others',
    given: mirrorThat(status(404), asked.config),
    exit: 0,
    also: ({ registry }) => assertAsked(registry, asked.blobs, 1),
  },
  {
    name: 'F24 a mirror that fails once is not asked first again',
    given: mirrorThat(status(500), asked.config),
    exit: 0,
    also: lab => assert.equal(requestsOf(lab, 'mirror').filter(({ target }) => target.includes('/blobs/')).length, 1),
  },
  {
    name: 'F24 mirror and registry fail: what the registry says counts',
    async given(lab) {
      const host = await mirror(lab)
      host.on(asked.layer, status(500))
      lab.registry.on(asked.layer, status(404))
    },
    exit: 3,
    code: 'NOT_FOUND',
  },
  {
    name: 'F24 a registry that is down while its mirror has all',
    async given(lab) {
      await mirror(lab, ['pull', 'resolve'])
      lab.registry.greet(socket => socket.destroy())
    },
    untouched: true,
    exit: 0,
  },
  {
    name: 'T4 a mirror that asks for a password gets none of the registry',
    async given(lab) {
      const host = await mirror(lab)
      guardByPassword(lab.registry)
      guardByPassword(host)
    },
    exit: 0,
    secretsTo: ['registry'],
  },
  {
    name: 'T4 headers of a mirror go to it alone',
    async given(lab) {
      const host = await mirror(lab, ['pull'], 'header = { X-Api-Key = "canary-header" }')
      const other = await lab.host('storage')
      lab.allowed.push(other.authority)
      host.on(asked.layer, redirect(`${other.origin}/v2/x/blobs/${layer.digest}`))
      host.on(asked.config, status(404))
    },
    exit: 0,
    secretsTo: ['mirror'],
    also: lab => assert.equal(requestsOf(lab, 'storage').length, 1),
  },
  {
    name: 'T4 headers of the registry do not go to a mirror',
    async given(lab) {
      const host = await lab.host('mirror')
      lab.describe(
        `server = "${lab.registry.origin}"`,
        'header = { X-Api-Key = "canary-header" }',
        `[host."${host.origin}"]`,
        'capabilities = ["pull"]',
      )
    },
    exit: 0,
    secretsTo: ['registry'],
  },
  {
    name: 'T2 a mirror may not lead into this machine',
    async given(lab) {
      const inside = await lab.host('inside')
      const host = await mirror(lab)
      host.on(asked.blobs, redirect(`${inside.origin}/secrets`))
    },
    exit: 0,
    also: lab => assert.deepEqual(requestsOf(lab, 'inside'), []),
  },
  {
    name: 'F24 no other host may answer where that is forbidden',
    given: mirrorThat(status(500), asked.layer),
    resolver: { fallback: false },
    exit: 5,
    code: 'UNAVAILABLE',
    also: ({ registry }) => assertAsked(registry, asked.blobs, 0),
  },
  {
    name: 'F24 the second mirror stands in for the first',
    async given(lab) {
      const first = await lab.host('first')
      const second = await lab.host('second')
      lab.describe(
        `server = "${lab.registry.origin}"`,
        ...[first, second].flatMap(({ origin }) => [`[host."${origin}"]`, 'capabilities = ["pull"]']),
      )
      first.on(asked.layer, broken(half, 'reset'))
      second.on(asked.layer, broken(half >> 1, 'close'), 1)
    },
    exit: 0,
  },
  {
    name: 'F24 a hosts.toml that is broken is an error, not a guess',
    given: lab => lab.describe('server = '),
    exit: 7,
    code: 'MALFORMED',
    leaves: 'nothing',
    also: ({ registry }) => assert.deepEqual(registry.requests, []),
  },
  {
    name: 'F24 the command falls back, too',
    by: 'command',
    given: mirrorThat(broken(half, 'reset'), asked.layer),
    exit: 0,
  },
])
