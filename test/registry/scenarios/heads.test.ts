/** Heads that no honest server sends: broken, flooded, of another protocol. */
import { gzipSync } from 'node:zlib'
import type { Script } from '../../support/wire/exchange.ts'
import { after, bytes, endless, serve, trickle, withChanges } from '../../support/wire/faults.ts'
import { asked } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

const body = 'content-length: 2\r\n\r\n{}'

/** In place of each answer about a layer. */
const broken: readonly (readonly [string, Script])[] = [
  ['a status that is no number', bytes(`HTTP/1.1 abc OK\r\n${body}`)],
  ['a status of four digits', bytes(`HTTP/1.1 2000 OK\r\n${body}`)],
  ['a status of two digits', bytes(`HTTP/1.1 20 OK\r\n${body}`)],
  ['a status below 100', bytes(`HTTP/1.1 099 OK\r\n${body}`)],
  ['a status of the 600s', bytes(`HTTP/1.1 600 OK\r\n${body}`)],
  ['a version that there is not', bytes(`HTTP/9.9 200 OK\r\n${body}`)],
  ['a radio station', bytes(`ICY 200 OK\r\n${body}`)],
  ['an SSH greeting', bytes('SSH-2.0-OpenSSH_9.9\r\n')],
  ['HTTP/2 frames', bytes(Buffer.from('00000c04000000000000030000006400040000ffff', 'hex'))],
  ['an alert of TLS', bytes(Buffer.from('15030300020228', 'hex'))],
  ['a line without a colon', bytes(`HTTP/1.1 200 OK\r\njunk\r\n${body}`)],
  ['a header without a name', bytes(`HTTP/1.1 200 OK\r\n: x\r\n${body}`)],
  ['a NUL in a header', bytes(`HTTP/1.1 200 OK\r\nx: a\0b\r\n${body}`)],
  ['a space before a colon', bytes(`HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\n{}`)],
  ['lines that end in LF alone', bytes('HTTP/1.1 200 OK\ncontent-length: 2\n\n{}')],
  ['an empty answer', bytes('\r\n\r\n')],
  ['a header of 1 MiB', bytes(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(2 ** 20)}\r\n${body}`)],
  ['100,000 headers', bytes(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(100_000)}${body}`)],
  ['headers without end', endless('HTTP/1.1 200 OK\r\n', 'x: y\r\n'.repeat(1_000))],
  ['a status line without end', endless('HTTP/1.1 200 ', 'O'.repeat(10_000))],
  ['interim answers without end', endless('', 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n'.repeat(100))],
  ['a 100 that nobody waits for', bytes(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n${body}`)],
  ['a change of protocol', bytes('HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n')],
]

/** Taken as they are: the bytes are right, or the registry is asked again. */
const passing: readonly (readonly [string, Script])[] = [
  ['F25 an interim answer first', after(exchange => exchange.send('HTTP/1.1 103 Early Hints\r\n\r\n'), serve)],
  ['T8 a content coding that is not there', withChanges({ 'content-encoding': 'gzip' })],
  ['T8 a thousand content codings', withChanges({ 'content-encoding': Array(1_000).fill('gzip').join(', ') })],
  [
    'F21 an end after the answer that nobody announced',
    after(
      () => {},
      async exchange => {
        await serve(exchange)
        await exchange.close()
      },
    ),
  ],
  [
    'F21 a reset after the answer',
    async exchange => {
      await serve(exchange)
      await exchange.reset()
    },
  ],
  [
    'F25 junk behind the answer',
    async exchange => {
      await serve(exchange)
      await exchange.send('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbad')
    },
  ],
  ['F6 a head that comes by and by', trickle(16, 5, 'head')],
]

scenarios('heads', [
  ...broken.map(
    ([what, script]): Scenario => ({
      name: `F25 ${what} ends the pull`,
      given: ({ registry }) => registry.on(asked.layer, script),
      exit: 5,
      also: ({ registry }) => assertAsked(registry, asked.layer, 6),
    }),
  ),
  ...passing.map(
    ([what, script]): Scenario => ({
      name: `${what} does no harm`,
      given: ({ registry }) => registry.on(asked.config, script),
      exit: 0,
    }),
  ),
  {
    name: 'T8 a layer that is coded once more is not decoded',
    given: ({ registry }) => registry.on(asked.config, withChanges({ 'content-encoding': 'gzip' }, gzipSync)),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F6 a head that never ends is not waited for',
    given: ({ registry }) => registry.on(asked.config, trickle(1, 20, 'head')),
    exit: 5,
    code: 'UNAVAILABLE',
  },
])
