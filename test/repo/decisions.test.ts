import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { repository } from '../support/repository.ts'

const decisions = join(repository, 'docs/decisions')
const names = readdirSync(decisions).toSorted()

test('decisions are numbered one by one, by name and by title', () => {
  for (const [i, name] of names.entries()) {
    const number = i + 1
    assert.equal(name.slice(0, 5), `${String(number).padStart(4, '0')}-`)
    assert.match(readFileSync(join(decisions, name), 'utf8'), new RegExp(`^# ${number}\\. `))
  }
})

test('documents link to files that are there', () => {
  const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', ...names.map(name => `docs/decisions/${name}`)]
  for (const document of documents) {
    const text = readFileSync(join(repository, document), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)) {
      assert.ok(existsSync(join(repository, dirname(document), target)), `${document} links to ${target}`)
    }
  }
})
