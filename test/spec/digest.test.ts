import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImageError } from '../../src/errors.ts'
import { algorithmOf, digestFrom, digestOf, hexOf, isDigest, newHash, parseDigest } from '../../src/spec/digest.ts'

const hex64 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

test('digestOf() names bytes by sha256 unless told otherwise', () => {
  assert.equal(digestOf(''), `sha256:${hex64}`)
  assert.equal(digestOf(new Uint8Array()), digestOf(''))
  assert.match(digestOf('', 'sha512'), /^sha512:cf83e1357eefb8bd[0-9a-f]{112}$/)
})

test('digestFrom() ends a running hash', () => {
  assert.equal(digestFrom(newHash().update('a').update('b')), digestOf('ab'))
  assert.equal(digestFrom(newHash('sha512').update('ab'), 'sha512'), digestOf('ab', 'sha512'))
})

test('algorithmOf() and hexOf() take a digest apart', () => {
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const digest = digestOf('x', algorithm)
    assert.equal(`${algorithmOf(digest)}:${hexOf(digest)}`, digest)
    assert.equal(algorithmOf(digest), algorithm)
  }
})

const refused = {
  'no algorithm': hex64,
  'no hex': 'sha256:',
  'one digit short': `sha256:${hex64.slice(1)}`,
  'one digit long': `sha256:0${hex64}`,
  'upper case': `sha256:${hex64.toUpperCase()}`,
  'upper-case algorithm': `SHA256:${hex64}`,
  'another length than the algorithm’s': `sha512:${hex64}`,
  'an unregistered algorithm': 'md5:d41d8cd98f00b204e9800998ecf8427e',
  'a path': `sha256:../../${hex64.slice(6)}`,
  'a trailing path': `sha256:${hex64}/..`,
  'a trailing NUL': `sha256:${hex64}\0`,
  'a trailing newline': `sha256:${hex64}\n`,
  'leading white space': ` sha256:${hex64}`,
  'two separators': `sha256::${hex64.slice(1)}`,
  'full-width digits': `sha256:${hex64.slice(1)}\uff11`,
  nothing: '',
}

for (const [name, text] of Object.entries(refused)) {
  test(`parseDigest() refuses ${name}`, () => {
    assert.equal(isDigest(text), false)
    assert.throws(
      () => parseDigest(text),
      (error: unknown) => error instanceof ImageError && error.code === 'INVALID_ARGUMENT',
    )
  })
}

test('isDigest() is false for what is no text', () => {
  for (const value of [undefined, null, 1, {}, [digestOf('')]]) assert.equal(isDigest(value), false)
})
