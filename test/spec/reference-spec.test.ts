import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { ImageError } from '../../src/errors.ts'
import { parseReference } from '../../src/spec/reference.ts'
import { formatSpec, parseSpec, referenceOf, specDigest, specHostname, specOf } from '../../src/spec/reference-spec.ts'

const sha256 = `sha256:${'0123456789abcdef'.repeat(4)}`

type Row = readonly [text: string, locator: string, object: string, host: string, digest: string]

const accepted: readonly Row[] = [
  ['docker.io/library/redis:foo', 'docker.io/library/redis', 'foo', 'docker.io', ''],
  ['docker.io/library/redis:foo?x=y', 'docker.io/library/redis', 'foo', 'docker.io', ''],
  ['docker.io/library/redis:foo#part', 'docker.io/library/redis', 'foo', 'docker.io', ''],
  ['docker.io/library/redis?x=a:b@c', 'docker.io/library/redis', '', 'docker.io', ''],
  ['docker.io/x:t@sha256:abc', 'docker.io/x', 't@sha256:abc', 'docker.io', 'sha256:abc'],
  ['docker.io/x@sha256:abc', 'docker.io/x', '@sha256:abc', 'docker.io', 'sha256:abc'],
  ['docker.io/x:t@abc', 'docker.io/x', 't@abc', 'docker.io', 'abc'],
  [`docker.io/x@${sha256}`, 'docker.io/x', `@${sha256}`, 'docker.io', sha256],
  ['localhost:5000/x/y:t', 'localhost:5000/x/y', 't', 'localhost:5000', ''],
  ['localhost:5000/x', 'localhost:5000/x', '', 'localhost:5000', ''],
  ['localhost:5000', 'localhost:5000', '', 'localhost:5000', ''],
  [
    'sub-dom1.foo.com/bar/baz/quux:some-long-tag',
    'sub-dom1.foo.com/bar/baz/quux',
    'some-long-tag',
    'sub-dom1.foo.com',
    '',
  ],
  [
    'b.gcr.io/test.example.com/my-app:test.example.com',
    'b.gcr.io/test.example.com/my-app',
    'test.example.com',
    'b.gcr.io',
    '',
  ],
  ['xn--7o8h.com/i:xn--7o8h.com@sha512:ff', 'xn--7o8h.com/i', 'xn--7o8h.com@sha512:ff', 'xn--7o8h.com', 'sha512:ff'],
  ['[::1]:5000/x:t', '[::1]:5000/x', 't', '[::1]:5000', ''],
  ['alpine', 'alpine', '', 'alpine', ''],
  ['alpine:3', 'alpine:3', '', 'alpine:3', ''],
  ['host/Upper/Case:T', 'host/Upper/Case', 'T', 'host', ''],
  ['host//x///y:t', 'host/x/y', 't', 'host', ''],
  ['host/./x/.:t', 'host/x', 't', 'host', ''],
  ['host/x/', 'host/x', '', 'host', ''],
  ['host/', 'host', '', 'host', ''],
  ['host/x:', 'host/x', '', 'host', ''],
  ['host/x::t', 'host/x', ':t', 'host', ''],
  ['host/x:a@b@c', 'host/x', 'a@b@c', 'host', 'b@c'],
  ['host/x@', 'host/x', '@', 'host', ''],
  ['host/:t', 'host', 't', 'host', ''],
]

const refused: readonly (readonly [text: string, reason: RegExp])[] = [
  ['http://host/x:t', /scheme/],
  ['host/x://y', /scheme/],
  ['', /no host/],
  ['/docker.io/x:t', /no host/],
  ['?x', /no host/],
  ['alpine:latest', /not a host/],
  ['host:port/x', /not a host/],
  ['user@host/x', /not a host/],
  ['redis@sha256:abc', /not a host/],
  ['[::1/x', /not a host/],
  ['../x', /not a host/],
  ['host/../evil/x:t', /another host/],
  ['host/x/..', /another host/],
  ['host/%2e%2e/x', /escapes/],
  ['host/a b', /white space/],
  ['host/a\nb', /white space/],
  ['host\\x', /escapes/],
]

describe('parseSpec()', () => {
  for (const [text, locator, object, host, digest] of accepted) {
    test(`reads ${text.slice(0, 60)}`, () => {
      const spec = parseSpec(text)
      assert.deepEqual(spec, { locator, object })
      assert.equal(specHostname(spec), host)
      assert.equal(specDigest(spec), digest)
    })
  }
  for (const [text, reason] of refused) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseSpec(text), { code: 'INVALID_ARGUMENT', message: reason })
    })
  }

  test('reads what formatSpec() wrote, and throws nothing but INVALID_ARGUMENT', () => {
    const pieces = fc.constantFrom('host', 'a', '/', ':', '@', '..', '.', '?', '#', '5000', '[::1]', 'é', ' ')
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 9 }).map(some => `host/${some.join('')}`),
    )
    fc.assert(
      fc.property(text, typed => {
        try {
          const spec = parseSpec(typed)
          fc.pre(spec.locator.includes('/'))
          assert.deepEqual(parseSpec(formatSpec(spec)), spec)
        } catch (error) {
          if (!(error instanceof ImageError)) throw error
          assert.equal(error.code, 'INVALID_ARGUMENT')
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

test('formatSpec() joins locator and object', () => {
  assert.equal(formatSpec({ locator: 'h/x', object: '' }), 'h/x')
  assert.equal(formatSpec({ locator: 'h/x', object: 't' }), 'h/x:t')
  assert.equal(formatSpec({ locator: 'h/x', object: 't@d' }), 'h/x:t@d')
  assert.equal(formatSpec({ locator: 'h/x', object: '@d' }), 'h/x@d')
})

describe('referenceOf()', () => {
  test('undoes specOf()', () => {
    for (const text of ['alpine', `alpine@${sha256}`, `localhost:5000/a/b:1@${sha256}`, '[::1]/x']) {
      const reference = parseReference(text)
      assert.deepEqual(referenceOf(specOf(reference)), reference)
    }
  })

  test('completes nothing', () => {
    assert.deepEqual(referenceOf(parseSpec('docker.io/redis:1')), { host: 'docker.io', repository: 'redis', tag: '1' })
  })

  const bad: readonly (readonly [text: string, reason: RegExp])[] = [
    ['docker.io/library/redis', /neither tag nor digest/],
    ['docker.io/:t', /no repository/],
    ['docker.io/Redis:1', /lower case/],
    ['docker.io/x@sha256:abc', /not a digest/],
    ['docker.io/x:t@', /not a digest/],
    ['docker.io/x:a:b', /not a tag/],
    ['foo_bar/x:1', /not a registry host/],
  ]
  for (const [text, reason] of bad) {
    test(`refuses ${text}`, () => {
      assert.throws(() => referenceOf(parseSpec(text)), { code: 'INVALID_ARGUMENT', message: reason })
    })
  }
})
