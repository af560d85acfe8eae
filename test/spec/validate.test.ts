import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import * as v from 'valibot'
import { validate } from '../../src/spec/validate.ts'

describe('validate()', () => {
  const schema = v.object({ a: v.array(v.object({ b: v.number() })) })
  const rows: readonly (readonly [value: unknown, message: string])[] = [
    [{ a: [{ b: 1 }, { b: 'x' }] }, 'Cannot read thing: a.1.b is "x", expected number'],
    [{ a: [{}] }, 'Cannot read thing: a.0.b is missing'],
    [{ a: null }, 'Cannot read thing: a is null, expected Array'],
    [{}, 'Cannot read thing: a is missing'],
    [[], 'Cannot read thing: a is missing'],
    [undefined, 'Cannot read thing: nothing there'],
    [null, 'Cannot read thing: is null, expected Object'],
    [{ a: [{ b: 'y'.repeat(500) }] }, `Cannot read thing: a.0.b is "${'y'.repeat(79)}…, expected number`],
  ]
  for (const [value, message] of rows) {
    test(`says ${message.slice(0, 80)}`, () => {
      assert.throws(() => validate(schema, value, 'thing'), { code: 'MALFORMED', message })
    })
  }

  test('keeps its errors to one line of printable characters', () => {
    const hostile = '\n\u001b[2J\u009b\u202e\u2028'
    assert.throws(
      () => validate(v.record(v.string(), v.number()), { [hostile]: hostile }, 'thing'),
      ({ message }: Error) => /expected number$/.test(message) && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(message),
    )
  })
})
