import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { repository } from '../support/repository.ts'

/** An export is for ever: adding or dropping one is a decision, made here. */
const exported = [
  'ImageError',
  'Puller',
  'defaults',
  'formatPlatform',
  'formatReference',
  'hasCode',
  'mountAll',
  'openMemoryStore',
  'openParts',
  'parseDigest',
  'parsePlatform',
  'parseReference',
  'pull',
  'pullImage',
  'unmount',
]

test('the public API exports what it promises, and no more', async () => {
  assert.deepEqual(Object.keys(await import('../../src/index.ts')).toSorted(), exported)
})

test('index.ts only re-exports, by name', () => {
  const text = readFileSync(join(repository, 'src/index.ts'), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
  const statements = text
    .split(/^(?=export)/m)
    .map(line => line.trim())
    .filter(line => line !== '')
  for (const statement of statements) assert.match(statement, /^export (type )?\{[^}]*\} from '\.\/[^']+'$/)
})
