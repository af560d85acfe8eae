import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { ErrorCode } from '../../../src/errors.ts'
import { makeScratch } from '../../conformance/scratch.ts'
import type { Certificate } from './certificates.ts'
import { secrets, signature } from './guard.ts'
import type { WireHost } from './host.ts'
import { type Lab, openLab } from './lab.ts'
import { type Outcome, type PullSettings, pullByCommand, pullByLibrary } from './pull.ts'
import { readStore, type Stored } from './store.ts'

/** One image, one thing wrong, and what becomes of the pull. What isn't said is held to the strictest there is. */
export interface Scenario extends PullSettings {
  /** Begins with the threats (T1…) and faults (F1…) that it covers. */
  readonly name: string
  /** Makes hosts, content and faults. */
  readonly given: (lab: Lab) => unknown
  readonly exit: number
  readonly code?: ErrorCode
  readonly message?: RegExp
  /** Default: the library. `command`: the command line, in a process of its own. */
  readonly by?: 'library' | 'command'
  /** The registry speaks TLS, with a certificate of the tests' authority or another one. */
  readonly tls?: boolean | (() => Certificate)
  /** Hosts that credentials belong to. Default: none is sent any. */
  readonly secretsTo?: readonly string[]
  /** Blobs left behind after a failure. Default `parts`: of the image, and none of them wrong. */
  readonly leaves?: 'parts' | 'nothing'
  /** Faults need not fire: what is guarded against is that davit goes there at all. */
  readonly untouched?: boolean
  readonly withinMs?: number
  /** Bytes of blobs that are sent twice. */
  readonly maxRefetched?: number
  /** The same command succeeds once the hosts behave, with no more refetched. Default: for exits 4, 5 and 6. */
  readonly heals?: boolean
  readonly also?: (lab: Lab, outcome: Outcome) => unknown
}

const networkExits = [4, 5, 6]
const slackBytes = 64 * 1024

/** Where waiting for a disk costs nothing: what is tried here is the wire. */
const memory = '/dev/shm'

/** What a pull may take; of library pulls it is the growth of a process in which eight run at once, with their registries. */
const maxMemoryMiB = 256

/** Runs a table of scenarios, some at a time: most wait for a server that doesn't answer. */
export function scenarios(subject: string, table: readonly Scenario[]): void {
  const scratch = makeScratch('wire', existsSync(memory) ? memory : tmpdir())
  describe(subject, { concurrency: 8 }, () => {
    for (const scenario of table) {
      test(scenario.name, { timeout: 60_000 }, async () => {
        const directory = mkdtempSync(join(scratch, 'lab-'))
        const { tls = false } = scenario
        const lab = await openLab({ directory, ...(typeof tls === 'boolean' ? { tls } : { certificate: tls() }) })
        try {
          await run(lab, scenario)
        } finally {
          await lab.close()
          rmSync(directory, { recursive: true, force: true })
        }
      })
    }
  })
}

async function run(lab: Lab, scenario: Scenario): Promise<void> {
  const pull = () => (scenario.by === 'command' ? pullByCommand : pullByLibrary)(lab, scenario)
  await scenario.given(lab)
  const outcome = await pull()
  const stored = readStore(lab.root)

  const facts = `${outcome.exit} ${outcome.code}: ${outcome.text.slice(0, 400)}`
  assert.equal(outcome.exit, scenario.exit, facts)
  if (scenario.code !== undefined) assert.equal(outcome.code, scenario.code, facts)
  if (scenario.message !== undefined) assert.match(outcome.message, scenario.message)
  if (scenario.untouched !== true) assertFired(lab)
  assertStored(lab, stored, scenario)
  assertQuiet(lab, outcome, scenario)
  const { withinMs = 25_000 } = scenario
  assert.ok(outcome.ms < withinMs, `took ${Math.round(outcome.ms)} ms, at most ${withinMs}`)
  assert.ok(outcome.memoryMiB < maxMemoryMiB, `used ${Math.round(outcome.memoryMiB)} MiB, at most ${maxMemoryMiB}`)
  if (outcome.exit === 0) assertRefetched(lab, scenario)
  await scenario.also?.(lab, outcome)
  if (scenario.heals ?? networkExits.includes(scenario.exit)) await assertHeals(lab, scenario, stored, pull)
}

export function assertFired(lab: Lab): void {
  for (const [name, { rules }] of lab.hosts) {
    for (const { what, fired } of rules) assert.ok(fired > 0, `the fault for ${what} at ${name} has not fired`)
  }
}

function assertStored({ image, root }: Lab, stored: Stored, { exit, leaves = 'parts' }: Scenario): void {
  assert.deepEqual(stored.wrong, [], 'every blob hashes to its name')
  const all: readonly string[] = [...image.blobs.keys()].toSorted()
  if (exit === 0) assert.deepEqual([stored.images, stored.blobs.filter(digest => all.includes(digest))], [1, all])
  else {
    assert.deepEqual([stored.images, stored.snapshots], [0, 0], `nothing is visible in ${root}`)
    const allowed = leaves === 'nothing' ? [] : all
    assert.deepEqual(
      stored.blobs.filter(digest => !allowed.includes(digest)),
      [],
      'only parts of the image',
    )
  }
}

/** No secret goes where it doesn't belong, neither to hosts nor to people, and messages are one clean line. */
export function assertQuiet(
  lab: Lab,
  { message, text }: Pick<Outcome, 'message' | 'text'>,
  { secretsTo = [] }: Pick<Scenario, 'secretsTo'>,
): void {
  assert.deepEqual(lab.leaks().toSorted(), [...secretsTo].toSorted(), 'hosts that were sent a secret')
  for (const secret of [...secrets, signature]) assert.ok(!text.includes(secret), `${secret} was told: ${text}`)
  assert.doesNotMatch(message, /[\p{Cc}\p{Zl}\p{Zp}]/u)
  assert.ok(message.length < 1_000, 'a message is a line')
}

function assertRefetched(lab: Lab, { maxRefetched = slackBytes }: Scenario): void {
  const refetched = [...lab.image.blobs].reduce((total, [digest, { length }]) => {
    return total + Math.max(0, sentOf(lab, `/blobs/${digest}`) - length)
  }, 0)
  assert.ok(refetched <= maxRefetched, `${refetched} bytes were sent twice, at most ${maxRefetched}`)
}

async function assertHeals(lab: Lab, scenario: Scenario, left: Stored, pull: () => Promise<Outcome>): Promise<void> {
  for (const host of lab.hosts.values()) host.mend()
  const before = sentOf(lab, '')
  const { exit, text } = await pull()
  assert.equal(exit, 0, `the same command doesn't succeed afterwards: ${text}`)
  assertStored(lab, readStore(lab.root), { ...scenario, exit: 0 })
  const size = [...lab.image.blobs.values()].reduce((total, { length }) => total + length, 0)
  const missing = size - left.bytes
  const sent = sentOf(lab, '') - before
  const { maxRefetched = slackBytes } = scenario
  assert.ok(sent <= missing + maxRefetched, `${sent} bytes were sent for ${missing} missing ones`)
}

function sentOf({ hosts }: Lab, path: string): number {
  return [...hosts.values()]
    .flatMap(({ requests }) => requests)
    .filter(({ target }) => target.includes(path))
    .reduce((total, { sent }) => total + sent, 0)
}

/** The host was asked no more often than this. */
export function assertAsked({ requests }: Pick<WireHost, 'requests'>, what: RegExp, atMost: number): void {
  const times = requests.filter(({ method, target }) => what.test(`${method} ${target}`)).length
  assert.ok(times <= atMost, `${times} requests for ${what}, at most ${atMost}`)
}
