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

/** Of any case. Time on a clock is no measure: on a machine with much else to do, a second of work may take a minute. */
const maxCpuMs = 10_000
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
      test(`${what}: nothing gets out, and all comes to the end that it should`, t => {
        const result = results.find(one => one.barriers === barriers && one.place === place)
        assert.ok(result)
        const { cases, wrong, cpuMs, peakBytes } = result
        t.diagnostic(`${user}, ${what}: ${row(result)}`)
        assert.deepEqual(wrong, [])
        assert.ok(cpuMs.value <= maxCpuMs, `${cpuMs.value} ms of CPU: ${cpuMs.name}`)
        assert.ok(peakBytes.value <= maxPeakBytes, `${peakBytes.value} bytes by ${peakBytes.name}`)
        assert.deepEqual(cases, expectedCases(barriers === 'jail'))
      })
    }
  })
}

/** How many of each class are to be applied: where nobody takes care, only attacks that would get out. */
function expectedCases(attacksOnly: boolean): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [kind, classes] of Object.entries({ hostile, odd })) {
    for (const [group, rows] of Object.entries(classes)) {
      const count = rows.filter(({ escapes }) => !attacksOnly || escapes !== undefined).length
      if (count > 0) counts[`${kind} ${group}`] = count
    }
  }
  return counts
}

/** For people: counts by class, and the costliest. */
function row({ cases, wrong, cpuMs, peakBytes }: Result): string {
  const counts = Object.entries(cases).map(([group, count]) => `${group} ${count}`)
  const costs = `at most ${cpuMs.value} ms of CPU (${cpuMs.name}), ${peakBytes.value >> 20} MiB by ${peakBytes.name}`
  return `${counts.join(', ')}; wrong ${wrong.length}; ${costs}`
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
