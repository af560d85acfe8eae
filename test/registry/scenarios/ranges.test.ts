/** What hosts answer when the rest of a layer is asked for. */
import type { Script } from '../../support/wire/exchange.ts'
import { broken, bytes, status, withChanges, withoutRange } from '../../support/wire/faults.ts'
import type { Lab } from '../../support/wire/lab.ts'
import { asked, layer } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

const half = layer.size >> 1

/** The layer breaks off in the middle; then `script` answers, as often as `times` says. */
function brokenThen(script: Script, times = Number.POSITIVE_INFINITY): (lab: Lab) => void {
  return ({ registry }) => {
    registry.on(asked.layer, broken(half, 'reset'), 1)
    registry.on(asked.layer, script, times)
  }
}

function place(start: number, end: number, total: number | string = layer.size): string {
  return `bytes ${start}-${end}/${total}`
}

const last = layer.size - 1

/** Bytes that must not be believed. */
const zeros = (body: Buffer) => Buffer.alloc(body.length)

/** A 206 that isn't what was asked for. */
const wrongPlaces: readonly (readonly [string, string | undefined])[] = [
  ['no Content-Range', undefined],
  ['a range from the beginning', place(0, last)],
  ['a range that begins one later', place(half + 1, last)],
  ['a range that begins one earlier', place(half - 1, last)],
  ['a range beyond the end', place(half, layer.size)],
  ['a range that ends before it begins', place(half, half - 1)],
  ['another unit', `lines ${half}-${last}/${layer.size}`],
  ['a range without an end', `bytes ${half}-/${layer.size}`],
  ['a range beyond 2^53', place(half, 2 ** 60, 2 ** 61)],
  ['an unsatisfied range', `bytes */${layer.size}`],
  ['two ranges in one header', `${place(half, last)}, ${place(0, 9)}`],
]

scenarios('ranges', [
  ...wrongPlaces.map(
    ([what, range]): Scenario => ({
      name: `F18 a 206 with ${what} is not believed: the whole is asked for`,
      given: brokenThen(withChanges({ 'content-range': range }, zeros), 1),
      exit: 0,
      maxRefetched: layer.size + 65_536,
      also: ({ registry }) => assertAsked(registry, asked.layer, 3),
    }),
  ),
  {
    name: 'F18 a 206 of another total',
    given: brokenThen(withChanges({ 'content-range': place(half, last, layer.size + 9) })),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F18 a 206 of an unknown total',
    given: brokenThen(withChanges({ 'content-range': place(half, last, '*') })),
    exit: 0,
  },
  {
    name: 'F18 several ranges as a multipart',
    given: brokenThen(
      withChanges({ 'content-type': 'multipart/byteranges; boundary=x', 'content-range': undefined }),
      1,
    ),
    exit: 0,
    maxRefetched: layer.size + 65_536,
  },
  {
    name: 'F18 a 206 that nobody asked for',
    given: ({ registry }) => registry.on(asked.layer, withoutRange({ 'content-range': place(0, last) }, 206)),
    exit: 5,
    code: 'INVALID_RESPONSE',
  },
  {
    name: 'F17 a whole body in place of a range is read past what is here',
    given: brokenThen(withoutRange(), 1),
    exit: 0,
    maxRefetched: half + 65_536,
  },
  {
    name: 'F17 F4 a whole body of another length in place of a range',
    given: brokenThen(withoutRange({ 'content-length': `${layer.size - 1}` })),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F17 whole bodies that always break off at the same place',
    given: ({ registry }) =>
      registry.on(
        asked.layer,
        bytes(`HTTP/1.1 200 OK\r\ncontent-length: ${layer.size}\r\n\r\n`, Buffer.alloc(100_000)),
      ),
    exit: 5,
    heals: false,
    also: ({ registry }) => assertAsked(registry, asked.layer, 10),
  },
  {
    name: 'F18 a 206 that is shorter than it says goes on from there',
    given: brokenThen(broken(1_000, 'close'), 1),
    exit: 0,
  },
  {
    name: 'F18 a 206 with more behind it than it says',
    given: brokenThen(withChanges({}, body => Buffer.concat([body, Buffer.alloc(9)]))),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F19 416 once: the whole is asked for',
    given: brokenThen(status(416, { 'content-range': `bytes */${layer.size}` }), 1),
    exit: 0,
    maxRefetched: half + 65_536,
  },
  {
    name: 'F19 416 once',
    given: brokenThen(status(416, { 'content-range': `bytes */${layer.size}` }), 1),
    exit: 0,
    maxRefetched: layer.size,
  },
  {
    name: 'F19 416 for ever',
    given: brokenThen(status(416, { 'content-range': `bytes */${layer.size}` })),
    exit: 5,
    also: ({ registry }) => assertAsked(registry, asked.layer, 8),
  },
  {
    name: 'F20 a blob that became another one under the same name',
    given: brokenThen(withChanges({ etag: '"other"' }, body => Buffer.alloc(body.length))),
    exit: 7,
    code: 'DIGEST_MISMATCH',
  },
  {
    name: 'F13 wrong bytes in the first half',
    given: ({ registry }) =>
      registry.on(
        asked.layer,
        withChanges({}, body => body.fill(0, 0, 9)),
      ),
    exit: 7,
    code: 'DIGEST_MISMATCH',
    leaves: 'parts',
    also: ({ registry }) => assertAsked(registry, asked.layer, 2),
  },
  {
    name: 'F12 404 for the rest',
    given: brokenThen(status(404)),
    exit: 3,
    code: 'NOT_FOUND',
    heals: true,
  },
  {
    name: 'F8 503 for the rest, once',
    given: brokenThen(status(503), 1),
    exit: 0,
  },
  {
    name: 'F17 204 in place of a range',
    given: brokenThen(status(204, {}, '')),
    exit: 5,
    code: 'INVALID_RESPONSE',
  },
])
