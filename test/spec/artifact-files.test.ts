import assert from 'node:assert/strict'
import { test } from 'node:test'
import { artifactFiles } from '../../src/spec/artifact-files.ts'
import { digestOf } from '../../src/spec/digest.ts'

const layer = (title?: string) => ({
  mediaType: 'text/plain',
  digest: digestOf(title ?? ''),
  size: 1,
  ...(title === undefined ? {} : { annotations: { 'org.opencontainers.image.title': title } }),
})
const filesOf = (...titles: (string | undefined)[]) => artifactFiles({ layers: titles.map(layer) })

test('artifactFiles() are the layers with a title, in order', () => {
  const paths = filesOf('b', undefined, 'a/b c', '.hidden').map(({ path }) => path)
  assert.deepEqual(paths, [['b'], ['a', 'b c'], ['.hidden']])
})

const unsafe = ['', '.', '..', '/etc/passwd', '../x', 'a/../../x', 'a/./b', 'a//b', 'a/', 'a\0b', 'a\nb', 'a\u001b[2Jb']
for (const title of [...unsafe, 'x'.repeat(256), 'é'.repeat(128), '\ud800', `${'a/'.repeat(64)}a`]) {
  test(`artifactFiles() refuses the title ${JSON.stringify(title).slice(0, 40)}`, () => {
    assert.throws(() => filesOf(title), { code: 'UNSAFE' })
  })
}

test('artifactFiles() refuses files in each other’s way', () => {
  for (const titles of [
    ['a', 'a'],
    ['a', 'a/b'],
    ['a/b/c', 'a/b'],
  ])
    assert.throws(() => filesOf(...titles), { code: 'MALFORMED' })
})
