import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { documentDigest, payloadOf } from '../../src/spec/schema1-payload.ts'
import { schema1Document, sign } from '../support/schema1.ts'

const pretty = Buffer.from(JSON.stringify(schema1Document([{}]), null, 3))
const dense = Buffer.from(JSON.stringify(schema1Document([{}])))

const refused: Readonly<Record<string, readonly [() => Uint8Array, RegExp]>> = {
  'a length past the end': [() => sign(pretty, header => ({ ...header, formatLength: 99_999 })), /is of 99999 bytes/],
  'a negative length': [() => sign(pretty, header => ({ ...header, formatLength: -1 })), /formatLength/],
  'no length': [() => sign(pretty, ({ formatLength: _, ...header }) => header), /formatLength is missing/],
  'no tail': [() => sign(pretty, ({ formatTail: _, ...header }) => header), /formatTail is missing/],
  'an empty list of signatures': [() => Buffer.from('{"fsLayers":[],"signatures":[]}'), /signatures is empty/],
  'a signature that is no object': [() => Buffer.from('{"signatures":[1]}'), /signatures.0 is 1/],
  'a header that is no JSON': [() => Buffer.from('{"signatures":[{"protected":"AAAA"}]}'), /protected header/],
  'no JSON': [() => Buffer.from('{'), /not JSON/],
}

describe('payloadOf()', () => {
  test('finds what was signed, byte for byte', () => {
    for (const payload of [pretty, dense]) assert.deepEqual(Buffer.from(payloadOf(sign(payload))), payload)
  })

  test('takes a document that nobody signed as it is', () => {
    assert.equal(payloadOf(pretty), pretty)
  })

  test('refuses signatures of different documents', () => {
    const [one, other] = [sign(pretty), sign(pretty, header => ({ ...header, formatLength: 5 }))].map(
      bytes => JSON.parse(Buffer.from(bytes).toString()).signatures[0],
    )
    const both = Buffer.from(JSON.stringify({ signatures: [one, other] }))
    assert.throws(() => payloadOf(both), { code: 'MALFORMED', message: /different documents/ })
  })

  for (const [what, [bytes, message]] of Object.entries(refused)) {
    test(`refuses ${what}`, () => {
      assert.throws(() => payloadOf(bytes()), { code: 'MALFORMED', message })
    })
  }
})

test('documentDigest() is of the payload, for schema 1 alone', () => {
  const signed = sign(pretty)
  assert.equal(documentDigest(signed, mediaTypes.dockerSchema1Signed), digestOf(pretty))
  assert.equal(documentDigest(signed, mediaTypes.ociManifest), digestOf(signed))
  assert.equal(documentDigest(pretty, mediaTypes.dockerSchema1, 'sha512'), digestOf(pretty, 'sha512'))
})
