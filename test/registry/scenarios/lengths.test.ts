/** Lengths that lie, and bodies that are framed wrongly. */
import type { Script } from '../../support/wire/exchange.ts'
import { asChunk, bytes, chunked, endless, lastChunk, withChanges } from '../../support/wire/faults.ts'
import { asked, layer, sample } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

const content = sample.blobs.get(layer.digest) ?? Buffer.alloc(0)
const noise = content.subarray(0, 65_536)
const half = layer.size >> 1
const head = 'HTTP/1.1 200 OK\r\n'

/** Once; the rest is asked for. */
const passing: readonly (readonly [string, Script])[] = [
  [
    'F2 a body short of its Content-Length',
    bytes(`${head}content-length: ${layer.size}\r\n\r\n`, content.subarray(0, half)),
  ],
  ['F3 a body without a length that ends early', bytes(`${head}\r\n`, content.subarray(0, half))],
  ['F3 a body without a length that is whole', bytes(`${head}\r\n`, content)],
  ['F2 chunks without the last one', chunked(asChunk, '')],
  ['F2 a last chunk that breaks off', chunked(asChunk, '0\r\n')],
  [
    'F25 a length of 2^63 before a body that is right',
    bytes(`${head}content-length: 9223372036854775807\r\n\r\n`, content),
  ],
  ['F25 a body in chunks', chunked(asChunk, lastChunk)],
  ['F25 chunks with extensions', chunked(part => [`${part.length.toString(16)};a="b"\r\n`, part, '\r\n'], lastChunk)],
  ['F25 chunks with a trailer', chunked(asChunk, '0\r\nx-late: 1\r\ncontent-length: 1\r\n\r\n')],
]

const refused: readonly Scenario[] = [
  {
    name: 'F4 a Content-Length above the descriptor',
    given: ({ registry }) =>
      registry.on(
        asked.layer,
        withChanges({}, body => Buffer.concat([body, Buffer.alloc(9)])),
      ),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F4 a Content-Length below the descriptor',
    given: ({ registry }) =>
      registry.on(
        asked.layer,
        withChanges({}, body => body.subarray(1)),
      ),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F5 surplus bytes in a body without a length',
    given: ({ registry }) => registry.on(asked.layer, bytes(`${head}\r\n`, content, 'surplus')),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F5 surplus bytes in chunks',
    given: ({ registry }) => registry.on(asked.layer, chunked(asChunk, `7\r\nsurplus\r\n${lastChunk}`)),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F5 a blob without end and without a length',
    given: ({ registry }) => registry.on(asked.layer, endless(`${head}\r\n`, noise, layer.size)),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F5 F14 a blob in chunks without end',
    given: ({ registry }) =>
      registry.on(asked.layer, endless(`${head}transfer-encoding: chunked\r\n\r\n`, `1000\r\n${'x'.repeat(4096)}\r\n`)),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
]

/** Chunks whose sizes can't be read: the connection is as good as broken. */
const badChunks: readonly (readonly [string, string])[] = [
  ['in another base', '0x10'],
  ['without a digit', 'xyz'],
  ['of 2^64', '1ffffffffffffffff'],
  ['below zero', '-10'],
]

/** The parser of HTTP refuses them; they must not be tried for ever. */
const framing: readonly (readonly [string, string])[] = [
  ['two lengths', 'content-length: 9\r\ncontent-length: 10\r\n'],
  ['a length and chunks', `content-length: ${layer.size}\r\ntransfer-encoding: chunked\r\n`],
  ['a negative length', 'content-length: -1\r\n'],
  ['a length in another notation', 'content-length: 1e6\r\n'],
  ['a length with a sign', `content-length: +${layer.size}\r\n`],
  ['a length of 2^64', 'content-length: 18446744073709551616\r\n'],
  ['a list of lengths', `content-length: ${layer.size}, ${layer.size}\r\n`],
  ['chunks twice', 'transfer-encoding: chunked, chunked\r\n'],
  ['an unknown transfer coding', 'transfer-encoding: gzip, chunked\r\n'],
]

scenarios('lengths', [
  ...refused,
  ...framing.map(
    ([what, lines]): Scenario => ({
      name: `F25 ${what} in the head of a layer`,
      given: ({ registry }) => registry.on(asked.layer, bytes(`${head}${lines}\r\n`, content)),
      exit: 5,
      also: ({ registry }) => assertAsked(registry, asked.layer, 6),
    }),
  ),
  ...badChunks.map(
    ([what, size]): Scenario => ({
      name: `F25 a chunk size ${what} in each answer ends the pull`,
      given: ({ registry }) =>
        registry.on(asked.layer, bytes(`${head}transfer-encoding: chunked\r\n\r\n${size}\r\n`, noise)),
      exit: 5,
      also: ({ registry }) => assertAsked(registry, asked.layer, 6),
    }),
  ),
  ...passing.map(
    ([what, script]): Scenario => ({
      name: `${what} is made up for`,
      given: ({ registry }) => registry.on(asked.layer, script, 1),
      exit: 0,
    }),
  ),
])
