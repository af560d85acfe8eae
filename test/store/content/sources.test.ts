import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addSource, hasSource } from '../../../src/store/content/sources.ts'

const key = 'containerd.io/distribution.source.docker.io'
const alpine = { host: 'docker.io', repository: 'library/alpine' }

test('addSource() keeps a sorted list, each repository once', () => {
  assert.deepEqual(addSource({}, alpine), { [key]: 'library/alpine' })
  assert.deepEqual(addSource({ [key]: 'library/zsh' }, alpine), { [key]: 'library/alpine,library/zsh' })
  assert.deepEqual(addSource({ [key]: 'library/alpine,library/zsh' }, alpine), {})
})

test('addSource() leaves ports out, of names and of addresses', () => {
  const keys = ['host:5000', '[::1]:5000', '[::1]'].map(host => Object.keys(addSource({}, { ...alpine, host }))[0])
  const prefix = 'containerd.io/distribution.source.'
  assert.deepEqual(keys, [`${prefix}host`, `${prefix}[::1]`, `${prefix}[::1]`])
})

test('addSource() changes nothing when there is no room for one more', () => {
  assert.deepEqual(addSource({ [key]: 'x'.repeat(4050) }, alpine), {})
})

test('hasSource() asks for the very repository at the very host', () => {
  const labels = addSource({}, alpine)
  assert(hasSource(labels, alpine))
  assert(!hasSource(labels, { ...alpine, repository: 'library/alp' }))
  assert(!hasSource(labels, { ...alpine, host: 'ghcr.io' }))
  assert(!hasSource({}, alpine))
})
