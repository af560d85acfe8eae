import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import type { BlobMapping } from '../../src/store/blob-mapping.ts'

export function blobMappingSuite(name: string, open: () => BlobMapping): void {
  const [gzip, zstd, diffId, one, two] = ['gzip', 'zstd', 'diff', 'one', 'two'].map(text => digestOf(text, 'sha512'))

  test(`blob mapping: ${name}: both ways, several blobs a diff ID, several chains a blob`, async () => {
    assert(gzip && zstd && diffId && one && two)
    const mapping = open()
    assert.equal(await mapping.byChainId(one), undefined)
    assert.deepEqual(await mapping.byBlob(gzip), [])
    await mapping.set(one, { diffId, blob: gzip })
    await mapping.set(two, { diffId, blob: gzip })
    await mapping.set(two, { diffId, blob: gzip })
    assert.deepEqual(await mapping.byChainId(one), { diffId, blob: gzip })
    assert.deepEqual(await mapping.byBlob(gzip), [one, two].toSorted())
    assert.deepEqual(await mapping.byDiffId(diffId), [gzip])
    await mapping.set(one, { diffId, blob: zstd })
    assert.deepEqual(await mapping.byChainId(one), { diffId, blob: zstd })
    assert.deepEqual(await mapping.byDiffId(diffId), [gzip, zstd].toSorted())
  })
}
