import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { exitStatus, statusOf } from '../../../src/cli/exit-status.ts'
import type { ErrorCode } from '../../../src/errors.ts'
import { openResolver, type ResolverOptions } from '../../../src/registry/client.ts'
import type { Limits } from '../../../src/registry/limits.ts'
import type { Fetcher, PushBlobOptions } from '../../../src/registry/registry.ts'
import type { Descriptor } from '../../../src/spec/descriptor.ts'
import { parseReference } from '../../../src/spec/reference.ts'
import { makeScratch } from '../../conformance/scratch.ts'
import type { WireHost } from './host.ts'
import { type Lab, openLab } from './lab.ts'
import { hangMs, limits, wordsOf } from './pull.ts'
import { config, layer, layers, sample } from './sample.ts'
import { assertFired, assertQuiet } from './scenario.ts'

/** The sample is pushed to a registry that has nothing, one thing is wrong, and this becomes of it. */
export interface PushScenario {
  readonly name: string
  readonly given: (lab: Lab) => unknown
  readonly exit: number
  readonly code?: ErrorCode
  readonly message?: RegExp
  readonly tls?: boolean
  readonly limits?: Partial<Limits>
  readonly resolver?: ResolverOptions
  readonly push?: Pick<PushBlobOptions, 'mountFrom'>
  /** Bytes that the source has in place of the sample's. */
  readonly content?: (bytes: Uint8Array, digest: string) => Uint8Array
  /** The first time, the source of the layer brings half of it and then nothing, until it is closed. */
  readonly stalls?: true
  /** The host that has it all afterwards. Default: the registry. */
  readonly keptAt?: string
  readonly secretsTo?: readonly string[]
  /** Bytes of blobs that are sent twice, at most. Default: what fits in the buffers of a broken connection. */
  readonly maxResent?: number
  readonly also?: (lab: Lab, results: readonly string[]) => unknown
}

const slackBytes = 64 * 1024
const memory = '/dev/shm'

/** Servers and davit share one thread, and blobs go both ways: what waits here waits for the machine. */
const patient: Partial<Limits> = { headersMs: 20_000, idleMs: 20_000 }

/** Runs a table of scenarios, some at a time. */
export function pushScenarios(subject: string, table: readonly PushScenario[]): void {
  const scratch = makeScratch('push', existsSync(memory) ? memory : tmpdir())
  describe(subject, { concurrency: 4 }, () => {
    for (const scenario of table) {
      test(scenario.name, { timeout: 60_000 }, async () => {
        const directory = mkdtempSync(join(scratch, 'lab-'))
        const lab = await openLab({ directory, ...(scenario.tls ? { tls: true } : {}), isEmpty: true })
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

async function run(lab: Lab, scenario: PushScenario): Promise<void> {
  await scenario.given(lab)
  const { exit, results, error } = await pushSample(lab, scenario)
  const words = wordsOf(error, [])
  const facts = `${exit} ${words.code}: ${words.text}`
  assert.equal(exit, scenario.exit, facts)
  if (scenario.code !== undefined) assert.equal(words.code, scenario.code, facts)
  if (scenario.message !== undefined) assert.match(words.message, scenario.message)
  assertFired(lab)
  assertQuiet(lab, words, scenario)
  assertKept(lab.hosts.get(scenario.keptAt ?? '') ?? lab.registry, exit === exitStatus.ok)
  if (exit === exitStatus.ok) assertResent(lab, scenario)
  await scenario.also?.(lab, results)
}

/** Pushes config, layers and manifest, one after the other: what is sent when can then be told. */
async function pushSample(lab: Lab, scenario: PushScenario) {
  const reference = parseReference(`${lab.front}/${lab.name}`)
  const registry = openResolver({
    authFiles: [join(lab.docker, 'config.json')],
    hostsDirs: [lab.hostsDir],
    allowHosts: lab.allowed,
    ...(scenario.tls ? { caFiles: [lab.trust()] } : {}),
    ...scenario.resolver,
    limits: { ...limits, ...patient, ...scenario.limits },
  })
  const signal = AbortSignal.timeout(hangMs)
  const results: string[] = []
  try {
    const pusher = await registry.pusher(reference)
    const source = sourceOf(scenario)
    for (const blob of [config, ...layers]) {
      results.push(await pusher.pushBlob(blob, source, { ...scenario.push, signal }))
    }
    const { target, blobs } = sample
    const tag = reference.tag ?? ''
    const isThere = await pusher.hasManifest(target, { tag, signal })
    if (!isThere) await pusher.pushManifest(target, blobs.get(target.digest) ?? new Uint8Array(), { tag, signal })
    results.push(isThere ? 'exists' : 'uploaded')
    return { exit: exitStatus.ok, results, error: undefined }
  } catch (error) {
    return { exit: statusOf(error), results, error }
  } finally {
    await registry.close()
  }
}

/** The sample's blobs, in pieces that a network could bring. */
function sourceOf({ content: change = bytes => bytes, stalls }: PushScenario): Pick<Fetcher, 'fetch'> {
  let isStalling = stalls === true
  return {
    async fetch({ digest }: Descriptor, { offset = 0 } = {}) {
      const bytes = change(sample.blobs.get(digest) ?? new Uint8Array(), digest)
      const isStalled = isStalling && digest === layer.digest
      if (isStalled) isStalling = false
      let close = () => {}
      const closed = new Promise<void>(resolve => {
        close = resolve
      })
      async function* pieces() {
        for (let at = offset; at < bytes.length; at += 100_000) {
          if (isStalled && at > bytes.length / 2) return await closed
          yield bytes.slice(at, at + 100_000)
        }
      }
      return { host: 'memory', reuse() {}, close, [Symbol.asyncIterator]: pieces }
    },
  }
}

/** On success all of it is there, byte for byte; a manifest never without all that it names. */
function assertKept({ content }: WireHost, isWhole: boolean): void {
  const manifest = content.get('manifests', '1')
  if (!isWhole) {
    assert.equal(manifest, undefined, 'nothing is visible')
    return
  }
  for (const [digest, bytes] of sample.blobs) {
    const kept = content.get(digest === sample.target.digest ? 'manifests' : 'blobs', digest)
    assert.deepEqual(Buffer.from(kept ?? []), Buffer.from(bytes), digest)
  }
  assert.deepEqual(manifest, content.get('manifests', sample.target.digest))
}

function assertResent({ hosts }: Lab, { maxResent = slackBytes }: PushScenario): void {
  const patches = [...hosts.values()].flatMap(({ requests }) => requests).filter(({ method }) => method === 'PATCH')
  const sent = patches.reduce((total, { body }) => total + body.length, 0)
  const size = [config, ...layers].reduce((total, { size }) => total + size, 0)
  assert.ok(sent <= size + maxResent, `${sent} bytes were sent for ${size}, at most ${maxResent} more`)
}
