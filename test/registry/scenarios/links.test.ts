/** Links that are far, slow, or there only now and then. */
import assert from 'node:assert/strict'
import type { Lab } from '../../support/wire/lab.ts'
import type { Link, Weather } from '../../support/wire/link.ts'
import { layer } from '../../support/wire/sample.ts'
import { scenarios } from '../../support/wire/scenario.ts'

const second = 1_000
const links = new WeakMap<Lab, Link>()

function link(weather: (connection: number) => Weather): (lab: Lab) => Promise<void> {
  return async lab => {
    links.set(lab, await lab.link(weather))
  }
}

/** The weather came, as often as it should, and nearly all that came through was of use. */
function broke(atLeast: number, atMost = 20): (lab: Lab) => void {
  return lab => {
    const { broken = 0, carried = 0 } = links.get(lab) ?? {}
    assert.ok(broken >= atLeast && broken <= atMost, `${broken} connections were broken, not ${atLeast} to ${atMost}`)
    assert.ok(carried < layer.size + 128 * 1024, `${carried} bytes were carried for a layer of ${layer.size}`)
  }
}

/** Hosts send ahead of what a link lets through. */
const maxRefetched = Number.POSITIVE_INFINITY

/** Through the first connections only; then the link is good. */
function first(connections: number, weather: Weather): (connection: number) => Weather {
  return connection => (connection <= connections ? weather : {})
}

scenarios('links', [
  {
    name: 'F26 300 ms each way',
    given: link(() => ({ delayMs: 300 })),
    exit: 0,
  },
  {
    name: 'F26 1 MB/s and 50 ms each way',
    given: link(() => ({ delayMs: 50, bytesPerSecond: 1e6 })),
    exit: 0,
    also(_, { ms }) {
      assert.ok(ms > (layer.size / 1e6) * second, `took ${ms} ms`)
    },
  },
  {
    name: 'F26 pieces of 1,000 bytes',
    given: link(() => ({ pieceBytes: 1_000 })),
    exit: 0,
  },
  {
    name: 'F1 F26 each connection is reset after 400,000 bytes',
    given: link(() => ({ breaks: { afterBytes: 400_000, how: 'reset' } })),
    exit: 0,
    maxRefetched,
    also: broke(5),
  },
  {
    name: 'F6 F26 each connection falls silent after 1,000,000 bytes',
    given: link(() => ({ breaks: { afterBytes: 1_000_000, how: 'silence' } })),
    limits: { idleMs: 500, headersMs: 1_500 },
    exit: 0,
    maxRefetched,
    also: broke(2),
  },
  {
    name: 'F21 F26 a connection that is dropped in silence between two requests',
    given: link(first(3, { breaks: { afterBytes: 1_200, how: 'silence' } })),
    limits: { headersMs: 1_000 },
    exit: 0,
    maxRefetched,
    also: broke(1),
  },
  {
    name: 'F26 a link that is down at first',
    given: link(first(2, { dead: 'reset' })),
    limits: { backoffMs: [100, 400] },
    exit: 0,
    maxRefetched,
    also: broke(2),
  },
  {
    name: 'F6 F26 a link that takes connections and says nothing, at first',
    given: link(first(1, { dead: 'silence' })),
    limits: { headersMs: 1_000 },
    exit: 0,
    maxRefetched,
    also: broke(1),
  },
  {
    name: 'F1 F26 a link that lets nothing through',
    given: link(() => ({ dead: 'reset' })),
    exit: 5,
    code: 'UNAVAILABLE',
    heals: false,
    also: broke(1),
  },
  {
    name: 'F1 F26 a link that is reset within each answer',
    given: link(() => ({ breaks: { afterBytes: 20, how: 'reset' } })),
    exit: 5,
    code: 'UNAVAILABLE',
    heals: false,
    also: broke(1),
  },
  {
    name: 'F23 a name of which only one address answers',
    given: lab => {
      lab.front = lab.front.replace('127.0.0.1', 'localhost')
    },
    exit: 0,
  },
  {
    name: 'F23 a name that there is not',
    given: lab => {
      lab.front = 'registry.invalid'
    },
    exit: 5,
    code: 'UNAVAILABLE',
    heals: false,
    also: ({ registry }) => assert.equal(registry.connections.length, 0),
  },
  {
    name: 'F26 the command over a link that is reset now and then',
    by: 'command',
    given: link(first(6, { delayMs: 20, breaks: { afterBytes: 600_000, how: 'reset' } })),
    exit: 0,
    maxRefetched,
    also: broke(1),
  },
])
