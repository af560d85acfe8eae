import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseChallenges } from '../../src/registry/challenge.ts'

type Row = readonly [string | string[] | undefined, readonly (readonly [string, Record<string, string>])[]]

const rows: readonly Row[] = [
  [undefined, []],
  ['', []],
  ['Basic', [['basic', {}]]],
  ['Basic realm="a"', [['basic', { realm: 'a' }]]],
  ['BASIC REALM=a', [['basic', { realm: 'a' }]]],
  [
    'Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"',
    [['bearer', { realm: 'https://a/t', service: 's', scope: 'repository:a/b:pull,push' }]],
  ],
  ['Bearer realm = "a" , service = b', [['bearer', { realm: 'a', service: 'b' }]]],
  ['Bearer realm=https://a/t?x=y', [['bearer', { realm: 'https://a/t?x=y' }]]],
  ['Basic realm="say \\"hi\\", a\\\\b"', [['basic', { realm: 'say "hi", a\\b' }]]],
  ['Basic realm="a, Bearer realm=b"', [['basic', { realm: 'a, Bearer realm=b' }]]],
  [
    'Basic realm="a", Bearer realm="b",service="c"',
    [
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b', service: 'c' }],
    ],
  ],
  [
    'Negotiate, Basic realm="a"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'a' }],
    ],
  ],
  [
    'Negotiate YWJj==, Basic realm="a"',
    [
      ['negotiate', { ywjj: '=' }],
      ['basic', { realm: 'a' }],
    ],
  ],
  [
    ['Basic realm="a"', 'Bearer realm="b"'],
    [
      ['basic', { realm: 'a' }],
      ['bearer', { realm: 'b' }],
    ],
  ],
  ['Bearer realm="first",realm="second"', [['bearer', { realm: 'first' }]]],
  ['Bearer realm="unfinished', [['bearer', {}]]],
  ['realm="nobody asked"', []],
  [',,, ,', []],
  ['Bearer realm="", error="invalid_token"', [['bearer', { realm: '', error: 'invalid_token' }]]],
]

for (const [header, expected] of rows) {
  test(`parseChallenges() reads ${JSON.stringify(header)}`, () => {
    const found = parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])
    assert.deepEqual(found, expected)
  })
}

test('parseChallenges() takes time in proportion to the header', () => {
  const begun = performance.now()
  for (const part of ['"', '\\', 'a=', ',', 'a ', '="\\"']) parseChallenges(part.repeat(16_384))
  assert.ok(performance.now() - begun < 2_000)
})
