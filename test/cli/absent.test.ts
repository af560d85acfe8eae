import assert from 'node:assert/strict'
import { mkdirSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { davit } from './davit.ts'

const root = join(makeScratch('cli-absent'), 'root')
const digest = digestOf('nothing')

/** What each command says of a store that isn’t there: its exit status, and its result or error. */
const answers: readonly (readonly [words: string, status: number, says: RegExp])[] = [
  ['images ls', 0, /^IMAGE .*\n$/],
  ['images ls --json', 0, /^\[\]\n$/],
  ['content ls --json', 0, /^\[\]\n$/],
  ['snapshots ls --json', 0, /^\[\]\n$/],
  ['df', 0, /^KIND .*\nblobs +0 +0 B +0 B +0 B\n/],
  ['verify', 0, /^$/],
  ['gc', 0, /^freed 0 B: 0 blobs, 0 snapshots, 0 partial downloads\n$/],
  ['info', 0, /^root +.*\/root \(made by the first pull\)$/m],
  ['ls alpine', 3, /^davit: Cannot find image docker.io\/library\/alpine:latest here \(davit pull [^\n]+\)\n$/],
  ['cat alpine /etc/os-release', 3, /^davit: Cannot find image /],
  ['diff alpine debian', 3, /^davit: Cannot find image /],
  ['export --format oci-archive alpine out', 3, /^davit: Cannot find image /],
  ['verify alpine', 3, /^davit: Cannot find image /],
  ['images rm alpine', 3, /^davit: Cannot find image /],
  ['images tag alpine other', 3, /^davit: Cannot find image /],
  [`mount alpine ${dirname(root)}`, 3, /^davit: Cannot find image /],
  [`umount ${dirname(root)}`, 3, /^davit: Cannot unmount /],
  [`content cat ${digest}`, 3, /^davit: Cannot find blob /],
  [`content rm ${digest}`, 3, /^davit: Cannot find blob /],
  ['snapshots rm one', 3, /^davit: Cannot find snapshot /],
]

for (const [words, wanted, says] of answers) {
  test(`${words.split(' ').slice(0, 2).join(' ')} answers, and makes nothing, where there is no store`, async () => {
    const { status, stdout, stderr } = await davit(words.split(' '), { root })
    assert.equal(status, wanted, stderr)
    assert.match(wanted === 0 ? stdout : stderr, says)
    assert.deepEqual(readdirSync(dirname(root)), [])
  })
}

test('images ls makes no store of an empty directory', async () => {
  mkdirSync(root)
  assert.equal((await davit(['images', 'ls', '--json'], { root })).stdout, '[]\n')
  assert.deepEqual(readdirSync(root), [])
})
