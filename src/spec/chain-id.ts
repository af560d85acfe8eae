import { type Digest, digestOf } from './digest.ts'

/**
 * The chain ID of each prefix of a stack of layers: element i names layers 0…i.
 *
 * Shape:  diff IDs and result are base first.
 * Source: OCI image-spec v1.1, "Layer ChainID": always sha256, over the texts with their algorithm prefixes.
 */
export function chainIds(diffIds: readonly Digest[]): readonly Digest[] {
  const chain: Digest[] = []
  for (const diffId of diffIds) {
    const parent = chain.at(-1)
    chain.push(parent === undefined ? diffId : digestOf(`${parent} ${diffId}`))
  }
  return chain
}

/** The chain ID of the whole stack; undefined for none. */
export function chainId(diffIds: readonly Digest[]): Digest | undefined {
  return chainIds(diffIds).at(-1)
}
