import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeScopes, repositoryIn } from '../../src/registry/scopes.ts'

const rows: readonly (readonly [own: string, wanted: string | undefined, merged: readonly string[]])[] = [
  ['repository:a/b:pull', undefined, ['repository:a/b:pull']],
  ['repository:a/b:pull', 'repository:a/b:pull', ['repository:a/b:pull']],
  ['repository:a/b:pull', 'repository:x:pull repository:a/b:extra', ['repository:a/b:extra,pull', 'repository:x:pull']],
  ['repository:a/b:pull', 'repository:a/b:pull,push,delete,*', ['repository:a/b:pull']],
  ['repository:a/b:pull', 'repository:x:push registry:catalog:*', ['repository:a/b:pull']],
  ['repository:a/b:pull', 'nonsense a:b repository:x: :: repository:\u0000:pull', ['repository:a/b:pull']],
  ['repository:a/b:pull', 'repository:host:5000/x:pull', ['repository:a/b:pull', 'repository:host:5000/x:pull']],
  [
    'repository:a:pull,push repository:b:pull',
    'repository:a:pull,push,delete',
    ['repository:a:pull,push', 'repository:b:pull'],
  ],
  ['', '', []],
  ['', 'repository:a:pull', ['repository:a:pull']],
]
for (const [own, wanted, merged] of rows) {
  test(`mergeScopes() makes ${JSON.stringify(own)} and ${JSON.stringify(wanted)} ${merged.join(' and ') || 'nothing'}`, () => {
    assert.deepEqual(mergeScopes(own, wanted), merged)
  })
}

test('mergeScopes() takes no more than sixteen from a registry', () => {
  const many = Array.from({ length: 100 }, (_, place) => `repository:r${place}:pull`).join(' ')
  assert.equal(mergeScopes('repository:a:pull', many).length, 17)
})

test('repositoryIn() finds the repository', () => {
  assert.equal(repositoryIn('repository:a/b:pull'), 'a/b')
  assert.equal(repositoryIn('repository:a/b:pull,push repository:c:pull'), 'a/b')
  assert.equal(repositoryIn(''), '')
})
