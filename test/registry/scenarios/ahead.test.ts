/** Layers that come slowly: too slowly to wait for, or slowly enough for others to join in. */
import assert from 'node:assert/strict'
import type { Script } from '../../support/wire/exchange.ts'
import { broken, status, trickle, withChanges, withoutRange } from '../../support/wire/faults.ts'
import type { Lab } from '../../support/wire/lab.ts'
import { headerOf } from '../../support/wire/message.ts'
import { asked } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

/** A layer of two megabytes is worth several connections. */
const limits = { aheadFromBytes: 65_536, aheadFromIdle: 0, idleMs: 1_000 }

/** What the reader's own connection has sent before it is broken off. */
const maxRefetched = 512 * 1024

/** A second and a half for the layer: others join in. */
const slowly = trickle(65_536, 40)

const isAhead = (range: string | undefined) => /^bytes=\d+-\d+$/.test(range ?? '')

/** The layer comes slowly, and what is asked for ahead of its turn is answered by `script`. */
function ahead(script: Script): (lab: Lab) => void {
  return ({ registry }) =>
    registry.on(asked.layer, exchange => (isAhead(headerOf(exchange.request, 'range')) ? script : slowly)(exchange))
}

function assertAhead({ registry }: Lab): void {
  assert.ok(registry.requests.some(request => isAhead(headerOf(request, 'range'))))
}

const unhelpful: readonly (readonly [string, Script])[] = [
  ['F17 the whole', withoutRange()],
  ['F18 another range', withChanges({ 'content-range': 'bytes 0-9/10' })],
  ['F18 no Content-Range', withChanges({ 'content-range': undefined })],
  ['F19 416', status(416)],
  ['F12 404', status(404)],
  ['F9 403', status(403)],
  ['F7 429', status(429)],
  ['F8 503', status(503)],
  ['F1 a reset', broken('before the head', 'reset')],
  ['F1 a reset after 100,000 bytes', broken(100_000, 'reset')],
  ['F2 an end after 100,000 bytes', broken(100_000, 'close')],
  ['F6 silence', broken('before the head', 'fallSilent')],
  ['F6 silence after 100,000 bytes', broken(100_000, 'fallSilent')],
]

scenarios('ahead', [
  {
    name: 'F6 a slow layer comes over several connections',
    given: ahead(slowly),
    limits,
    exit: 0,
    maxRefetched,
    also: assertAhead,
  },
  ...unhelpful.map(
    ([what, script]): Scenario => ({
      name: `${what} in answer to what is asked for ahead is made up for`,
      given: ahead(script),
      limits,
      exit: 0,
      maxRefetched: Number.POSITIVE_INFINITY,
      also: assertAhead,
    }),
  ),
  {
    name: 'F13 wrong bytes ahead of their turn',
    given: ahead(withChanges({}, body => Buffer.alloc(body.length))),
    limits,
    exit: 7,
    code: 'DIGEST_MISMATCH',
    also: assertAhead,
  },
  {
    name: 'F6 a layer below the least pace is broken off, and goes on',
    given: ({ registry }) => registry.on(asked.layer, trickle(1_000, 50), 1),
    limits: { slowBytesPerSecond: 100_000, slowMs: 500 },
    exit: 0,
    also: ({ registry }) => assertAsked(registry, asked.layer, 2),
  },
  {
    name: 'F6 a layer that is below the least pace for ever ends the pull',
    given: ({ registry }) => registry.on(asked.layer, trickle(1_000, 50)),
    limits: { slowBytesPerSecond: 100_000, slowMs: 500, backoffMs: [5, 10, 15, 20] },
    exit: 5,
    code: 'UNAVAILABLE',
    message: /: too slow$/,
    also: ({ registry }) => assertAsked(registry, asked.layer, 2),
  },
  {
    name: 'F6 a byte now and then is below the least pace, however long it goes on',
    given: ({ registry }) => registry.on(asked.layer, trickle(1, 50)),
    limits: { slowMs: 500, backoffMs: [5, 10, 15, 20] },
    exit: 5,
    code: 'UNAVAILABLE',
    message: /: too slow$/,
    also: ({ registry }) => assertAsked(registry, asked.layer, 2),
  },
  {
    name: 'F6 F24 a mirror that sends a byte now and then is left after one connection',
    async given(lab) {
      const mirror = await lab.host('mirror')
      lab.describe(`server = "${lab.registry.origin}"`, `[host."${mirror.origin}"]`)
      mirror.on(asked.layer, trickle(1, 50))
    },
    limits: { slowMs: 500 },
    exit: 0,
    also({ hosts }) {
      const mirror = hosts.get('mirror')
      assert.ok(mirror !== undefined)
      assertAsked(mirror, asked.layer, 1)
    },
  },
  {
    name: 'F6 a slow link above the least pace is waited for',
    given: ({ registry }) => registry.on(asked.layer, trickle(65_536, 100)),
    limits: { slowBytesPerSecond: 1024, slowMs: 2_000, aheadFromBytes: Number.MAX_SAFE_INTEGER },
    exit: 0,
    also: ({ registry }) => assertAsked(registry, asked.layer, 1),
  },
])
