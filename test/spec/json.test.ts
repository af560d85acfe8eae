import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { maxDocumentBytes, parseJson } from '../../src/spec/json.ts'

const parse = (text: string) => parseJson(Buffer.from(text), 'document')

const accepted = [
  '{}',
  '[]',
  'null',
  '"a"',
  ' \t\r\n{"a":1} \n',
  '{"a":{"a":{"a":1}}}',
  '[{"a":1},{"a":2}]',
  '{"a":"a","b":"a"}',
  '{"a":"{\\"a\\":1,\\"a\\":2}"}',
  '{"a":"b\\\\","b":"\\""}',
  '{"a":"[[[","b":"}}}"}',
  '{"ab":1,"a":{"b":1}}',
  '{"":1," ":2}',
  '{"é":"\\ud83d\\ude00 😀"}',
  '{"Labels":{"a":"1","A":"2"}}',
  '{"config":{"Labels":{"maintainer":"x","MAINTAINER":"y"},"Volumes":{"/data":{},"/Data":{}}}}',
  '{"annotations":{"x":"1","X":"2"}}',
  `${'['.repeat(64)}${']'.repeat(64)}`,
]

const refused: readonly (readonly [text: string, reason: RegExp])[] = [
  ['', /not JSON/],
  ['{', /not JSON/],
  ['{"a"}', /not JSON/],
  ['{"a":1,}', /not JSON/],
  ['{a:1}', /not JSON/],
  ["{'a':1}", /not JSON/],
  ['{"a":1} x', /not JSON/],
  ['{}{}', /not JSON/],
  [']', /not JSON/],
  ['{"a":"', /not JSON/],
  ['{"a":"\\', /not JSON/],
  ['{"\\x":1}', /not JSON/],
  ['{"a\nb":1}', /not JSON/],
  ['NaN', /not JSON/],
  ['01', /not JSON/],
  ['// {}', /not JSON/],
  ['\ufeff{}', /not JSON/],
  ['{}\0', /not JSON/],
  ['{"a":1,"a":1}', /"a" comes twice/],
  ['{"a" \n :1,"a"\t:1}', /"a" comes twice/],
  ['{"a":1,"\\u0061":1}', /"a" comes twice/],
  ['{"layers":[],"LAYERS":[]}', /"LAYERS" comes twice/],
  ['{"mediaType":"a","mediatype":"b"}', /"mediatype" comes twice/],
  ['{"layers":[],"layer\u017f":[]}', /comes twice/],
  ['{"kind":1,"\u212aind":1}', /comes twice/],
  ['{"x":[{"a":{"B":1,"b":2}}]}', /"b" comes twice/],
  ['{"__proto__":1,"__proto__":2}', /"__proto__" comes twice/],
  ['{"Labels":{"a":"1","a":"2"}}', /"a" comes twice/],
  ['[{"Labels":{}},{"a":1,"A":2}]', /"A" comes twice/],
  ['{"Labels":[{"a":1,"A":2}]}', /"A" comes twice/],
  ['{"Labels":1,"x":{"a":1,"A":2}}', /"A" comes twice/],
  ['{"Labels":{"x":{"a":1,"A":2}}}', /"A" comes twice/],
]

describe('parseJson()', () => {
  for (const text of accepted) {
    test(`reads ${text.slice(0, 60)}`, () => assert.deepEqual(parse(text), JSON.parse(text)))
  }
  for (const [text, reason] of refused) {
    test(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parse(text), { code: 'MALFORMED', message: reason, details: { what: 'document' } })
    })
  }

  test('refuses what is not UTF-8', () => {
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc3, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0xff, 0xfe, 0x7b, 0x00],
    ]) {
      assert.throws(() => parseJson(Uint8Array.from(bytes), 'document'), { code: 'MALFORMED', message: /not UTF-8/ })
    }
  })

  test('limits the document to 4 MiB', () => {
    const fits = Buffer.alloc(maxDocumentBytes, ' ')
    fits.write('{}')
    assert.deepEqual(parseJson(fits, 'document'), {})
    assert.throws(() => parseJson(Buffer.concat([fits, Buffer.from(' ')]), 'document'), { code: 'LIMIT_EXCEEDED' })
  })

  test('limits the depth, of arrays and objects', () => {
    for (const deep of ['['.repeat(65), '['.repeat(1_000_000), '{"a":'.repeat(65), '[{"a":'.repeat(33)]) {
      assert.throws(() => parse(deep), { code: 'LIMIT_EXCEEDED', message: /nested more than 64 deep/ })
    }
  })

  test('takes time in proportion to the size', () => {
    const keys = Array.from({ length: 200_000 }, (_, i) => `"${i}":0`).join()
    const started = performance.now()
    assert.equal(Object.keys(parse(`{${keys}}`) as object).length, 200_000)
    parse(`"${'\\\\'.repeat(1_000_000)}"`)
    parse(`[${'" " ,'.repeat(500_000)}0]`)
    assert.ok(performance.now() - started < 20_000)
  })

  test('keeps __proto__ a key like any other', () => {
    const value = parse('{"__proto__":{"polluted":true}}') as Record<string, unknown>
    assert.equal(value['polluted'], undefined)
    assert.deepEqual(Object.keys(value), ['__proto__'])
    assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
  })

  test('agrees with JSON.parse on whatever has no key twice', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom(undefined, 1, '\t'), (text, space) => {
        fc.pre(!hasTwins(JSON.parse(text)))
        const written = JSON.stringify(JSON.parse(text), null, space)
        assert.deepEqual(parse(written), JSON.parse(written))
      }),
      { numRuns: 500 },
    )
  })

  test('throws nothing but MALFORMED and LIMIT_EXCEEDED', () => {
    const pieces = fc.constantFrom('{', '}', '[', ']', '"', '\\', ':', ',', 'a', '1', ' ', '"a":1', 'é', '\0')
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.array(pieces, { maxLength: 20 }).map(some => Buffer.from(some.join(''))),
    )
    fc.assert(
      fc.property(bytes, some => {
        try {
          parseJson(some, 'document')
        } catch (error) {
          assert.match(String((error as { code?: unknown }).code), /^(MALFORMED|LIMIT_EXCEEDED)$/)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

test('parseJson() keeps its errors to one line of printable characters', () => {
  const hostile = '"\\n\\u001b[2J\\u009b\\u202e\\u2028"'
  assert.throws(
    () => parse(`{${hostile}:1,${hostile}:2}`),
    ({ message }: Error) => /comes twice$/.test(message) && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(message),
  )
})

/** True when some object has two keys that differ by case only. */
function hasTwins(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const keys = Array.isArray(value) ? [] : Object.keys(value)
  const folded = new Set(keys.map(key => key.toUpperCase().toLowerCase()))
  return folded.size < keys.length || Object.values(value).some(hasTwins)
}
