/** Collections of random stores, while others pull. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from '../../../src/spec/digest.ts'
import { mediaTypes } from '../../../src/spec/media-types.ts'
import { openMemoryStore } from '../../../src/store/content/memory.ts'
import type { Labels } from '../../../src/store/content/store.ts'
import type { Collectable } from '../../../src/store/gc/graph.ts'
import { collect } from '../../../src/store/gc/sweep.ts'
import type { Lease } from '../../../src/store/leases.ts'
import { openMemoryImages } from '../../../src/store/memory-images.ts'
import { openMemoryLeases } from '../../../src/store/memory-leases.ts'
import { newRecord } from '../../conformance/image-store.ts'
import { digests, put } from './put.ts'

const blobCount = 24
const nameOf = (blob: number) => `blob ${blob}`
const blob = fc.nat({ max: blobCount - 1 })

/** Blobs lead to those of higher numbers. */
const stores = fc.record({
  edges: fc.array(fc.tuple(blob, blob), { maxLength: 30 }),
  here: fc.uniqueArray(blob),
  pulls: fc.array(fc.record({ top: blob, begins: fc.nat({ max: 60 }), lasts: fc.nat({ max: 20 }) }), { maxLength: 5 }),
})
type Store = typeof stores extends fc.Arbitrary<infer T> ? T : never

function childrenOf({ edges }: Store, from: number): readonly number[] {
  return edges.filter(([a, b]) => a === from && b > a).map(([, b]) => b)
}

function closureOf(store: Store, tops: readonly number[]): ReadonlySet<number> {
  const reached = new Set(tops)
  for (const one of reached) for (const next of childrenOf(store, one)) reached.add(next)
  return reached
}

function labelsOf(store: Store, one: number): Labels {
  const children = childrenOf(store, one).map(child => [
    `containerd.io/gc.ref.content.${child}`,
    digestOf(nameOf(child)),
  ])
  return Object.fromEntries(children)
}

/** Brings one blob after the other, each leased before it is looked for; then records an image, and only then ends. */
async function* pull({ store, images, leases }: Collectable, what: Store, top: number) {
  const lease: Lease = await leases.hold()
  for (const one of closureOf(what, [top])) {
    await lease.add({ kind: 'content', id: digestOf(nameOf(one)) })
    yield
    const isHere = (await digests(store)).includes(digestOf(nameOf(one)))
    if (isHere) await store.label(digestOf(nameOf(one)), labelsOf(what, one))
    else await put(store, nameOf(one), labelsOf(what, one))
    yield
  }
  const target = { mediaType: mediaTypes.ociManifest, digest: digestOf(nameOf(top)), size: 1 }
  await images.set({ ...newRecord(`r:${top}`, { os: 'linux', architecture: 'amd64' }), manifest: target, target })
  yield
  await lease.end()
}

test('collect() takes nothing that pulls need which begin and end while it runs, and all that nobody needs', async () => {
  await fc.assert(
    fc.asyncProperty(stores, async what => {
      const parts = {
        store: openMemoryStore(),
        images: openMemoryImages(),
        leases: openMemoryLeases(),
        snapshotters: [],
      }
      for (const one of what.here) await put(parts.store, nameOf(one), labelsOf(what, one))
      let now = 0
      const running = what.pulls.map(({ top, begins, lasts }) => ({ begins, lasts, steps: pull(parts, what, top) }))
      /** Whatever the collection does, others go on before it. */
      const goOn = async () => {
        now += 1
        for (const { begins, lasts, steps } of running) {
          for (let step = 0; now >= begins && step <= lasts; step++) await steps.next()
        }
      }
      await collect(whileOthers(parts, goOn))
      for (const { steps } of running) for await (const _ of steps);

      const needed = closureOf(
        what,
        what.pulls.map(({ top }) => top),
      )
      const left = await digests(parts.store)
      for (const one of needed) assert.ok(left.includes(digestOf(nameOf(one))), `${nameOf(one)} is needed`)
      await collect(parts)
      assert.deepEqual(await digests(parts.store), [...needed].map(one => digestOf(nameOf(one))).toSorted())
    }),
    { numRuns: 150 },
  )
})

function whileOthers(parts: Collectable, goOn: () => Promise<void>): Collectable {
  const { store, images, leases } = parts
  async function* between<T>(all: AsyncIterable<T>) {
    for await (const one of all) {
      await goOn()
      yield one
    }
    await goOn()
  }
  return {
    ...parts,
    store: { ...store, walk: () => between(store.walk()), orphans: () => between(store.orphans()) },
    images: { ...images, walk: () => between(images.walk()) },
    leases: {
      ...leases,
      async live() {
        const found = await leases.live()
        await goOn()
        return found
      },
      async freeze(options) {
        await goOn()
        return leases.freeze(options)
      },
    },
  }
}
