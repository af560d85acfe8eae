import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Leases, Resource } from '../../src/store/leases.ts'

const blob: Resource = { kind: 'content', id: 'sha256:abc' }
const snapshot: Resource = { kind: 'snapshot', id: 'native/key with spaces' }

/** What all leases do. `open` makes an empty store of them. */
export function leasesSuite(name: string, open: () => Leases): void {
  describe(`leases: ${name}`, () => {
    test('live() tells the resources of every lease until it ends', async () => {
      const leases = open()
      const [one, two] = [await leases.hold(), await leases.hold()]
      assert.notEqual(one.id, two.id)
      await one.add(blob)
      await one.add(blob)
      await two.add(snapshot)
      assert.deepEqual((await leases.live()).toSorted(byId), [snapshot, blob])
      await one.end()
      await one.end()
      assert.deepEqual(await leases.live(), [snapshot])
      await two.end()
      assert.deepEqual(await leases.live(), [])
    })

    test('remember() tells what was leased when it began and since, also of leases that have ended', async () => {
      const leases = open()
      const [before, during] = [await leases.hold(), await leases.hold()]
      await during.add(blob)
      await before.add({ kind: 'content', id: 'sha256:ended before' })
      await before.end()
      const remembered = await leases.remember()
      await during.end()
      const since = await leases.hold()
      await since.add(snapshot)
      await since.end()
      assert.deepEqual(await leases.live(), [])
      assert.deepEqual((await remembered.resources()).toSorted(byId), [snapshot, blob])
      await remembered.forget()

      const later = await leases.remember()
      assert.deepEqual(await later.resources(), [])
      await assert.rejects(leases.remember({ timeoutMs: 0 }), { code: 'LOCKED' })
      await later.forget()
    })

    test('freeze() keeps add() waiting until it is released', async () => {
      const leases = open()
      const lease = await leases.hold()
      const frozen = await leases.freeze()
      let added = false
      const adding = lease.add(blob).then(() => {
        added = true
      })
      await sleep(150)
      assert.equal(added, false)
      assert.deepEqual(await leases.live(), [])
      frozen.release()
      await adding
      assert.deepEqual(await leases.live(), [blob])
      await lease.end()
    })

    test('freeze() excludes others, within a limit', async () => {
      const leases = open()
      const frozen = await leases.freeze()
      await assert.rejects(leases.freeze({ timeoutMs: 50 }), { code: 'LOCKED' })
      frozen.release()
      ;(await leases.freeze({ timeoutMs: 0 })).release()
    })
  })
}

function byId(a: Resource, b: Resource): number {
  return a.id < b.id ? -1 : 1
}
