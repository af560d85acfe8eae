import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { chainId, chainIds } from '../../src/spec/chain-id.ts'
import { digestOf } from '../../src/spec/digest.ts'

const [a, b, c] = [digestOf('a'), digestOf('b', 'sha512'), digestOf('c')]

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}

test('chainIds() of no layers is empty', () => {
  assert.deepEqual(chainIds([]), [])
  assert.equal(chainId([]), undefined)
})

test('chainIds() begins with the diff ID itself', () => {
  assert.deepEqual(chainIds([a]), [a])
  assert.equal(chainId([b]), b)
})

test('chainIds() hashes parent, a space and the diff ID, always with sha256', () => {
  const second = sha256(`${a} ${b}`)
  assert.deepEqual(chainIds([a, b, c]), [a, second, sha256(`${second} ${c}`)])
  assert.equal(chainId([a, b, c]), sha256(`${second} ${c}`))
})

test('chainId() depends on the order of layers', () => {
  assert.notEqual(chainId([a, c]), chainId([c, a]))
})
