import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import type { Platform } from '../../src/spec/platform.ts'
import type { ImageRecord, ImageStore, ImageUse } from '../../src/store/images.ts'

type NewRecord = Omit<ImageRecord, 'createdAt' | 'updatedAt'>

const amd64: Platform = { os: 'linux', architecture: 'amd64' }
const windows: Platform = { os: 'windows', architecture: 'amd64', osVersion: '10.0.17763.1', osFeatures: ['win32k'] }

/** What every image store does. `open` makes an empty one. */
export function imageStoreSuite(name: string, open: () => ImageStore): void {
  describe(`image store: ${name}`, () => {
    test('set() and get() give the record back, whole', async () => {
      const images = open()
      const record = newRecord('docker.io/library/alpine:latest', windows)
      const { createdAt, updatedAt, ...rest } = await images.set(record)
      assert.deepEqual(rest, record)
      assert.equal(createdAt, updatedAt)
      assert.deepEqual(await images.get(record.reference), [{ ...record, createdAt, updatedAt }])
      assert.deepEqual(await images.get('docker.io/library/alpine:edge'), [])
    })

    test('set() replaces the record of the same reference and platform, however spelled', async () => {
      const images = open()
      const first = await images.set(newRecord('r:1', amd64))
      const changed = { ...newRecord('r:1', { os: 'Linux', architecture: 'x86_64' }), size: 7 }
      const second = await images.set(changed)
      assert.equal(second.createdAt, first.createdAt)
      assert.deepEqual(await images.get('r:1'), [second])
    })

    test('references and platforms have records of their own', async () => {
      const images = open()
      for (const reference of ['r:1', 'r:2']) {
        for (const platform of [amd64, windows]) await images.set(newRecord(reference, platform))
      }
      assert.equal((await images.get('r:1')).length, 2)
      assert.equal((await walk(images)).length, 4)
    })

    test('remove() takes one platform or all, and says what it took', async () => {
      const images = open()
      for (const platform of [amd64, windows]) await images.set(newRecord('r:1', platform))
      await images.set(newRecord('r:2', amd64))
      assert.deepEqual(
        (await images.remove('r:1', windows)).map(record => record.platform),
        [windows],
      )
      assert.equal((await images.get('r:1')).length, 1)
      await images.remove('r:1')
      await assert.rejects(images.remove('r:1'), { code: 'NOT_FOUND' })
      await assert.rejects(images.remove('r:2', windows), { code: 'NOT_FOUND' })
      assert.deepEqual(
        (await walk(images)).map(record => record.reference),
        ['r:2'],
      )
    })

    test('usedAt() is when the record was set, or used since', async () => {
      const images = open()
      const image = await images.set(newRecord('r:1', amd64))
      const set = await images.usedAt(image)
      assert.ok(Math.abs(set.getTime() - Date.parse(image.updatedAt)) < 1000)
      await later(set)
      await images.use(image)
      assert.ok((await images.usedAt(image)) > set)
      assert.deepEqual(await images.get('r:1'), [image])
    })

    test('use() of what is not here does nothing', async () => {
      const images = open()
      await images.use({ reference: 'r:1', platform: amd64 })
      assert.deepEqual(await walk(images), [])
      assert.equal((await images.usedAt({ reference: 'r:1', platform: amd64 })).getTime(), 0)
    })

    test('removeUnused() leaves what was used or set since, and says what it took', async () => {
      const images = open()
      const uses: ImageUse[] = []
      for (const reference of ['r:unused', 'r:used', 'r:set', 'r:gone']) {
        const image = await images.set(newRecord(reference, amd64))
        uses.push({ image, usedAt: await images.usedAt(image) })
      }
      await later(new Date())
      await images.use({ reference: 'r:used', platform: amd64 })
      await images.set(newRecord('r:set', amd64))
      await images.remove('r:gone')
      const gone = await images.removeUnused(uses)
      assert.deepEqual(
        gone.map(({ reference }) => reference),
        ['r:unused'],
      )
      const left = (await walk(images)).map(({ reference }) => reference)
      assert.deepEqual(left.toSorted(), ['r:set', 'r:used'])
    })
  })
}

export function newRecord(reference: string, platform: Platform): NewRecord {
  const manifest = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(`manifest ${platform.os}`),
    size: 400,
    platform,
    annotations: { note: 'kept' },
  }
  const target = { mediaType: 'application/vnd.oci.image.index.v1+json', digest: digestOf('index'), size: 900 }
  return { reference, platform, manifest, target, chainId: digestOf('chain'), snapshotter: 'native', size: 12_345 }
}

async function walk(images: ImageStore): Promise<ImageRecord[]> {
  const all: ImageRecord[] = []
  for await (const record of images.walk()) all.push(record)
  return all
}

/** Clocks tell milliseconds apart. */
async function later(than: Date): Promise<void> {
  while (Date.now() <= than.getTime()) await new Promise(setImmediate)
}
