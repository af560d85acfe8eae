import type { Digest } from '../spec/digest.ts'
import type { BlobMapping, MappedLayer } from './blob-mapping.ts'
import type { Db } from './db.ts'

/** Several values a key, digests in order. */
const manyDigests = { dupSort: true, encoding: 'ordered-binary' } as const

export function lmdbBlobMapping(db: Db): BlobMapping {
  const chains = () => db.table<MappedLayer, Digest>('chains')
  const chainsOfBlob = () => db.table<Digest, Digest>('chains-of-blob', manyDigests)
  const blobsOfDiff = () => db.table<Digest, Digest>('blobs-of-diff', manyDigests)

  return {
    async set(chainId, { diffId, blob }) {
      const [layers, byBlob, byDiff] = await Promise.all([chains(), chainsOfBlob(), blobsOfDiff()])
      // What can be read is durable: a pull of what is here waits for no disk.
      const known = layers.get(chainId)
      if (known?.blob === blob && known.diffId === diffId && byBlob.doesExist(blob, chainId)) return
      await db.transaction(() => {
        layers.put(chainId, { diffId, blob })
        byBlob.put(blob, chainId)
        byDiff.put(diffId, blob)
      })
    },
    byChainId: async chainId => (await chains()).get(chainId),
    byBlob: async blob => [...(await chainsOfBlob()).getValues(blob)],
    byDiffId: async diffId => [...(await blobsOfDiff()).getValues(diffId)],
  }
}
