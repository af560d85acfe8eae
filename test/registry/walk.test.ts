import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode, ImageError } from '../../src/errors.ts'
import type { Host } from '../../src/registry/hosts.ts'
import { ownHosts } from '../../src/registry/own-hosts.ts'
import { type Need, walkOver } from '../../src/registry/walk.ts'

function mirror(name: string, changes: Partial<Host> = {}): Host {
  const [host] = ownHosts(name, true)
  assert.ok(host)
  return { ...host, mirrorOf: 'example.com', ...changes }
}
const [own] = ownHosts('example.com', true)
const [guess, other] = ownHosts('localhost:5000', false)
assert.ok(own && guess && other)

const down = (host: Host) => new ImageError('UNAVAILABLE', `Cannot fetch x: ${host.name}: reset`, { host: host.name })
const missing = (host: Host) =>
  new ImageError('NOT_FOUND', `Cannot fetch x: ${host.name} doesn't have it`, { what: 'blob', name: 'x' })
const refused = (host: Host) =>
  new ImageError('UNAUTHORIZED', `Cannot fetch x: ${host.name} refuses`, { host: host.name })

/** Whom `walk` asks when these hosts fail, in order. */
async function askedBy(
  walk: ReturnType<typeof walkOver>,
  failing: Readonly<Record<string, (host: Host) => Error>> = {},
  need: Need = 'blob',
): Promise<readonly string[]> {
  const asked: string[] = []
  await walk
    .ask(need, async host => {
      asked.push(host.origin)
      const failure = failing[host.name]?.(host)
      if (failure !== undefined) throw failure
    })
    .catch(() => asked.push('none'))
  return asked.map(origin => origin.replace('http://', ''))
}

test('ask() goes from host to host until one answers', async () => {
  const walk = walkOver([mirror('a'), mirror('b'), own])
  assert.deepEqual(await askedBy(walk, { a: missing, b: missing }), ['a', 'b', 'example.com'])
  assert.deepEqual(await askedBy(walk), ['a'])
})

test('ask() takes a host that failed last for the rest of the run', async () => {
  const walk = walkOver([mirror('a'), mirror('b'), own])
  assert.deepEqual(await askedBy(walk, { a: down, b: refused }), ['a', 'b', 'example.com'])
  assert.deepEqual(await askedBy(walk, { 'example.com': missing }), ['example.com', 'a'])
})

test('demote() takes a host last', async () => {
  const a = mirror('a')
  const walk = walkOver([a, own])
  assert.equal(walk.demote(a), true)
  assert.deepEqual(await askedBy(walk), ['example.com'])
  assert.equal(walkOver([own]).demote(own), false)
})

test('ask() asks no mirror without resolve about a tag, and about documents only when all others fail', async () => {
  const walk = () => walkOver([mirror('blobs', { capabilities: ['pull'] }), mirror('all'), own])
  assert.deepEqual(await askedBy(walk(), { all: missing, 'example.com': missing }, 'tag'), [
    'all',
    'example.com',
    'none',
  ])
  assert.deepEqual(await askedBy(walk(), { all: missing, 'example.com': missing }, 'document'), [
    'all',
    'example.com',
    'blobs',
  ])
  assert.deepEqual(await askedBy(walk(), {}, 'blob'), ['blobs'])
})

test('ask() asks nobody else where falling back is forbidden, but for the other scheme', async () => {
  const only = walkOver([mirror('a'), own], { fallback: false })
  for (let time = 0; time < 2; time++) assert.deepEqual(await askedBy(only, { a: down }), ['a', 'none'])
  const asked = await askedBy(walkOver([guess, other], { fallback: false }), { 'localhost:5000': down })
  assert.deepEqual(asked, ['localhost:5000', 'https://localhost:5000', 'none'])
})

test('ask() says who is the last; both schemes of a host are one', async () => {
  const seen: [string, boolean][] = []
  await walkOver([mirror('a'), guess, other])
    .ask('blob', async (host, isLast) => {
      seen.push([host.origin, isLast])
      throw down(host)
    })
    .catch(() => {})
  assert.deepEqual(seen, [
    ['http://a', false],
    ['http://localhost:5000', true],
    ['https://localhost:5000', true],
  ])
})

test('ask() leaves a scheme alone once the other one has spoken, in a refusal, too', async () => {
  const walk = walkOver([guess, other])
  assert.deepEqual(await askedBy(walk, { 'localhost:5000': refused }), ['localhost:5000', 'none'])
  assert.deepEqual(await askedBy(walk, { 'localhost:5000': down }), ['localhost:5000', 'none'])
})

test('ask() keeps to the scheme that answered when the guess was wrong', async () => {
  const walk = walkOver([guess, other])
  const answers = async (host: Host) => {
    if (host.isGuess) throw down(host)
    return host.origin
  }
  assert.equal((await walk.ask('blob', answers)).value, 'https://localhost:5000')
  assert.deepEqual(await askedBy(walk), ['https://localhost:5000'])
})

test('ask() fails with the code that the registry itself gives, and says in one line what happened where', async () => {
  const walk = walkOver([mirror('a'), mirror('b'), own])
  const fails: Record<string, (host: Host) => ImageError> = { a: down, b: refused, 'example.com': missing }
  const failure = walk.ask('blob', async host => Promise.reject(fails[host.name]?.(host)))
  await assert.rejects(failure, {
    code: 'NOT_FOUND',
    message: "Cannot fetch x: a: reset; b refuses; example.com doesn't have it",
  })
})

test('ask() fails with the error of the host that came furthest when the registry itself is silent', async () => {
  const fails: Record<string, (host: Host) => ImageError> = { a: missing, 'example.com': down }
  const failure = walkOver([mirror('a'), own]).ask('blob', async host => Promise.reject(fails[host.name]?.(host)))
  await assert.rejects(failure, error => hasCode(error, 'NOT_FOUND') && error.details.name === 'x')
})

test('ask() quotes in full what is about something else', async () => {
  const token = new ImageError('UNAVAILABLE', 'Cannot get token for y: a: reset', { host: 'a' })
  const failure = walkOver([mirror('a'), own]).ask('blob', async host =>
    Promise.reject(host === own ? missing(own) : token),
  )
  await assert.rejects(failure, {
    message: "Cannot fetch x: cannot get token for y: a: reset; example.com doesn't have it",
  })
})

test('ask() takes what is written to the first host that takes it, whatever else has failed, and to no other', async () => {
  const cache = mirror('cache', { capabilities: ['pull', 'resolve'] })
  const writable = mirror('writable')
  const walk = walkOver([cache, writable, own])
  assert.deepEqual(await askedBy(walk, {}, 'push'), ['writable'])
  assert.deepEqual(await askedBy(walk, { cache: down, writable: down }), ['cache', 'writable', 'example.com'])
  assert.deepEqual(await askedBy(walk, { writable: down }, 'push'), ['writable', 'none'])
  assert.deepEqual(await askedBy(walkOver([cache, own]), {}, 'push'), ['example.com'])
  assert.deepEqual(await askedBy(walkOver([guess, other]), { 'localhost:5000': down }, 'push'), [
    'localhost:5000',
    'https://localhost:5000',
    'none',
  ])
  await assert.rejects(
    walkOver([cache]).ask('push', async () => {}),
    { code: 'UNSUPPORTED', message: /none of its hosts may be written to/ },
  )
})

test('ask() fails when no host may resolve', async () => {
  await assert.rejects(
    walkOver([mirror('a', { capabilities: ['pull'] })]).ask('tag', async () => {}),
    { code: 'UNSUPPORTED' },
  )
})

test('ask() stops at an abort and at errors that are no verdict on a host', async () => {
  const reason = new Error('enough')
  const abort = new AbortController()
  const asked: string[] = []
  const walk = walkOver([mirror('a'), own])
  await assert.rejects(
    walk.ask(
      'blob',
      async host => {
        asked.push(host.name)
        abort.abort(reason)
        throw down(host)
      },
      abort.signal,
    ),
    reason,
  )
  const bug = new TypeError('bug')
  await assert.rejects(
    walk.ask('blob', async host => {
      asked.push(host.name)
      throw bug
    }),
    bug,
  )
  assert.deepEqual(asked, ['a', 'a'])
})
