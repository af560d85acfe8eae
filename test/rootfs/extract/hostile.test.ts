import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeScratch, needsRoot } from '../../conformance/scratch.ts'
import { command } from '../../support/command.ts'
import { hostile, odd } from '../../support/corpus/index.ts'
import type { Result } from './hostile-run.ts'

const program = fileURLToPath(new URL('hostile-run.js', import.meta.url))
// Tests run from build/, where only compiled files are.
const support = fileURLToPath(new URL('../../../../test/support', import.meta.url))

/** A hang would take longer; on a machine with much else to do, what takes a second alone may take twenty. */
const maxCaseMs = 60_000
const maxPeakBytes = 256 * 2 ** 20

const userId = 100_000

type Child = ChildProcessWithoutNullStreams

for (const user of ['root', 'an ordinary user']) {
  describe(`as ${user}`, { skip: needsRoot }, () => {
    let results: readonly Result[] = []

    before(async () => {
      const scratch = makeScratch('hostile')
      const trees = user === 'root' ? [referenceTrees(join(scratch, 'sentinel'))] : []
      const jailed = ['-m', 'sh', join(support, 'jail.sh'), scratch]
      const words = [process.execPath, program, scratch, ...trees]
      const child = user === 'root' ? spawn('unshare', [...jailed, ...words]) : await startAsUser(jailed, words)
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)])
      assert.equal(child.exitCode ?? (await once(child, 'close'))[0], 0, stderr)
      results = JSON.parse(stdout)
    })

    const ways = [
      ['both', 'flat', 'both barriers, into one directory'],
      ['both', 'overlay', 'both barriers, layer by layer'],
      ['names', 'flat', 'no jail, into one directory'],
      ['names', 'overlay', 'no jail, layer by layer'],
      ['jail', 'flat', 'a jail alone, around an extractor without care'],
    ] as const
    for (const [barriers, place, what] of ways) {
      test(`${what}: nothing gets out, and all comes to the end that it should`, () => {
        const result = results.find(one => one.barriers === barriers && one.place === place)
        assert.ok(result)
        assert.deepEqual(result.wrong, [])
        assert.ok(result.slowestMs < maxCaseMs, `${result.slowestMs} ms`)
        // Without a jail, it is the process that holds the whole corpus.
        if (barriers !== 'names') assert.ok(result.peakBytes < maxPeakBytes, `${result.peakBytes} bytes`)
        const all = Object.values({ ...hostile, ...odd }).flat()
        assert.ok(result.cases >= (barriers === 'jail' ? 80 : all.length), `${result.cases} cases`)
      })
    }
  })
}

/** As an ordinary user, who is root of a namespace of his subordinate ids: as his worker is. */
async function startAsUser(jailed: readonly string[], words: readonly string[]): Promise<Child> {
  const become = `chown ${userId}:${userId} "$0"; exec setpriv --reuid=${userId} --regid=${userId} --clear-groups "$@"`
  const waiting = 'echo && read -r _ && exec "$@"'
  const enter = ['unshare', '-U', '-m', 'sh', '-c', waiting, 'sh', ...words]
  const child = spawn('unshare', [...jailed, 'sh', '-c', become, jailed.at(-1) ?? '', ...enter])
  await once(child.stdout, 'data')
  for (const file of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${file}`, `0 ${userId} 65536`)
  child.stdin.end('\n')
  return child
}

/** A file with what the independent reader says of each case that is accepted. */
function referenceTrees(sentinel: string): string {
  const directory = makeScratch('reference')
  for (const [kind, classes] of Object.entries({ hostile, odd })) {
    for (const [group, rows] of Object.entries(classes)) {
      for (const [i, { layers, expect }] of rows.entries()) {
        if (typeof expect !== 'string') continue
        const image = join(directory, 'images', `${kind} ${group} ${i}`)
        mkdirSync(image, { recursive: true })
        for (const [n, layer] of layers(sentinel).entries()) writeFileSync(join(image, `${n}`), layer)
      }
    }
  }
  const path = join(directory, 'trees.json')
  writeFileSync(path, command('python3', join(support, 'reference-tree.py'), join(directory, 'images')))
  return path
}
