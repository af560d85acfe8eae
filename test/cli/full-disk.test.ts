import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { asRoot, makeScratch } from '../conformance/scratch.ts'
import { command } from '../support/command.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { davit, type Outcome, putEntries } from './davit.ts'

const disk = join(makeScratch('cli-full-disk'), 'disk')
const root = join(disk, 'root')
let registry: TestRegistry

before(async () => {
  registry = await startRegistry()
  putEntries(registry, 'small', [{ path: 'small', content: 's'.repeat(2_000_000) }])
  putEntries(registry, 'large', [{ path: 'large', content: 'l'.repeat(5_000_000) }])
})
after(() => registry.close())

function run(...words: string[]): Promise<Outcome> {
  return davit(words, { root })
}

function pull(tag: string): Promise<Outcome> {
  const words = ['pull', '--progress', 'quiet', '--platform', 'linux/amd64', '--snapshotter', 'erofs']
  return run(...words, `${registry.host}/a:${tag}`)
}

test('a pull that finds the disk full says what is missing and what to do; that done, it goes on', {
  skip: !asRoot && 'mounting a small disk needs root',
}, async () => {
  mkdirSync(disk)
  command('mount', '-t', 'tmpfs', '-o', 'size=6m', 'davit-test', disk)
  try {
    assert.equal((await pull('small')).status, 0)
    const full = await pull('large')
    assert.equal(full.status, 9)
    const needs = /^davit: Cannot write [^\n]*: no space left; still to come: [^\n]*what the layers unpack to /
    assert.match(full.stderr, needs)
    assert.match(full.stderr, / \(davit gc would free 0 B, davit images prune 2\.0 MB\)\n$/)

    assert.equal((await run('images', 'rm', `${registry.host}/a:small`)).status, 0)
    const again = await pull('large')
    assert.equal(again.status, 9)
    assert.match(again.stderr, / \(davit gc would free 2\.0 MB\)\n$/)
    // What the pull that failed has brought is nobody's either, now that it has ended.
    assert.match((await run('gc')).stdout, /^freed 2\.0 MB: 5 blobs, 1 snapshot, 0 partial downloads\n$/)
    const { status, stderr } = await pull('large')
    assert.equal(status, 0, stderr)
  } finally {
    command('umount', disk)
  }
})
