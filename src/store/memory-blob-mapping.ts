import type { Digest } from '../spec/digest.ts'
import type { BlobMapping, MappedLayer } from './blob-mapping.ts'

export function openMemoryBlobMapping(): BlobMapping {
  const chains = new Map<Digest, MappedLayer>()
  const chainsOfBlob = new Map<Digest, Set<Digest>>()
  const blobsOfDiff = new Map<Digest, Set<Digest>>()
  return {
    async set(chainId, layer) {
      chains.set(chainId, layer)
      add(chainsOfBlob, layer.blob, chainId)
      add(blobsOfDiff, layer.diffId, layer.blob)
    },
    byChainId: async chainId => chains.get(chainId),
    byBlob: async blob => [...(chainsOfBlob.get(blob) ?? [])].toSorted(),
    byDiffId: async diffId => [...(blobsOfDiff.get(diffId) ?? [])].toSorted(),
  }
}

function add(map: Map<Digest, Set<Digest>>, key: Digest, value: Digest): void {
  map.set(key, (map.get(key) ?? new Set()).add(value))
}
