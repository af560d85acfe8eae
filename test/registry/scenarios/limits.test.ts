/** Hosts that ask for patience, and hosts that fail. */
import { broken, status, trickle, withChanges } from '../../support/wire/faults.ts'
import { asked } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

const year = `${365 * 24 * 3_600}`
const inAnHour = new Date(Date.now() + 3_600_000).toUTCString()
const anHourAgo = new Date(Date.now() - 3_600_000).toUTCString()

/** Too long to wait for: a refusal at once. */
const tooLong: readonly (readonly [string, string])[] = [
  ['a year', year],
  ['a date in an hour', inAnHour],
  ['2^63 seconds', '9223372036854775808'],
  ['a thousand digits', '9'.repeat(1_000)],
]
const soon: readonly (readonly [string, string | undefined])[] = [
  ['no time', undefined],
  ['0', '0'],
  ['1 second', '1'],
  ['a date in the past', anHourAgo],
  ['nonsense', 'soon'],
  ['a negative number', '-1'],
  ['a fraction', '0.5'],
]
const passing = [408, 500, 502, 503, 504]

scenarios('limits', [
  ...tooLong.map(
    ([what, value]): Scenario => ({
      name: `F7 429 with Retry-After ${what} is a refusal`,
      given: ({ registry }) => registry.on(asked.layer, status(429, { 'retry-after': value })),
      exit: 6,
      code: 'RATE_LIMITED',
      withinMs: 15_000,
      also: ({ registry }) => assertAsked(registry, asked.layer, 1),
    }),
  ),
  ...soon.map(
    ([what, value]): Scenario => ({
      name: `F7 429 with Retry-After ${what} is waited for`,
      given: ({ registry }) => registry.on(asked.layer, status(429, { 'retry-after': value }), 2),
      exit: 0,
      also: ({ registry }) => assertAsked(registry, asked.layer, 3),
    }),
  ),
  ...passing.map(
    (code): Scenario => ({
      name: `F8 ${code} twice is made up for`,
      given: ({ registry }) => registry.on(asked.layer, status(code), 2),
      exit: 0,
      also: ({ registry }) => assertAsked(registry, asked.layer, 3),
    }),
  ),
  ...[asked.resolve, asked.manifest, asked.config, asked.layer].map(
    (what): Scenario => ({
      name: `F8 503 for ever to ${what.source.slice(1, 20)} ends the pull`,
      given: ({ registry }) => registry.on(what, status(503)),
      exit: 5,
      code: 'UNAVAILABLE',
      also: ({ registry }) => assertAsked(registry, what, 6),
    }),
  ),
  {
    name: 'F7 429 for ever ends the pull',
    given: ({ registry }) => registry.on(asked.resolve, status(429)),
    exit: 6,
    code: 'RATE_LIMITED',
    also: ({ registry }) => assertAsked(registry, asked.resolve, 6),
  },
  {
    name: 'F7 429 by the command is exit status 6',
    by: 'command',
    given: ({ registry }) => registry.on(asked.resolve, status(429, { 'retry-after': year })),
    exit: 6,
    code: 'RATE_LIMITED',
  },
  {
    name: 'F8 503 by the command is exit status 5',
    by: 'command',
    given: ({ registry }) => registry.on(asked.layer, status(503)),
    exit: 5,
    code: 'UNAVAILABLE',
    withinMs: 25_000, // the command has the waits that people have
  },
  {
    name: 'F1 F2 a broken layer by the command is made up for',
    by: 'command',
    given: ({ registry }) => {
      registry.on(asked.layer, broken(300_000, 'reset'), 1)
      registry.on(asked.layer, broken(300_000, 'close'), 1)
    },
    exit: 0,
  },
  {
    name: 'F8 501 is not asked again',
    given: ({ registry }) => registry.on(asked.layer, status(501)),
    exit: 5,
    code: 'UNAVAILABLE',
    also: ({ registry }) => assertAsked(registry, asked.layer, 1),
  },
  {
    name: 'F6 a layer that comes in small pieces arrives',
    given: ({ registry }) => registry.on(asked.config, trickle(10, 5)),
    exit: 0,
  },
  {
    name: 'F16 HEAD is not allowed: GET tells',
    given: ({ registry }) => registry.on(asked.resolve, status(405)),
    exit: 0,
  },
  {
    name: 'F16 HEAD without a length: GET tells',
    given: ({ registry }) => registry.on(asked.resolve, withChanges({ 'content-length': undefined })),
    exit: 0,
  },
  {
    name: 'F16 HEAD tells another length than GET',
    given: ({ registry }) => registry.on(asked.resolve, withChanges({ 'content-length': '12' })),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F16 HEAD tells another digest than GET',
    given: ({ registry }) =>
      registry.on(asked.resolve, withChanges({ 'docker-content-digest': `sha256:${'0'.repeat(64)}` })),
    exit: 3,
    code: 'NOT_FOUND',
    leaves: 'nothing',
  },
])
