import { hasCode } from '../errors.ts'
import type { Source } from '../registry/registry.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { detectMediaType } from '../spec/document.ts'
import type { Reference } from '../spec/reference.ts'
import { isWrongContent } from '../store/content/damage.ts'
import { readBlob } from '../store/content/read.ts'
import { hasSource } from '../store/content/sources.ts'
import type { ContentStore } from '../store/content/store.ts'

/** What a reference names, and who said so: no host when the store knew. */
export interface Target {
  readonly reference: Reference
  readonly descriptor: Descriptor
  readonly host?: string
}

/**
 * What `reference` names. A digest that the store has from this very repository needs no network; a blob that came
 * from elsewhere doesn't count, since knowing a digest is no permission to read it.
 *
 * Errors: the resolver's.
 */
export async function resolveTarget(
  { resolver, contentStore }: { readonly resolver: Source; readonly contentStore: ContentStore },
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<Target> {
  const local = reference.digest === undefined ? undefined : await findLocal(contentStore, reference, reference.digest)
  if (local !== undefined) return { reference, descriptor: local }
  return resolver.resolve(reference, signal === undefined ? {} : { signal })
}

async function findLocal(store: ContentStore, reference: Reference, digest: Digest): Promise<Descriptor | undefined> {
  try {
    const { size, labels } = await store.info(digest)
    if (!hasSource(labels, reference)) return undefined
    return { mediaType: detectMediaType(await readBlob(store, digest)), digest, size }
  } catch (error) {
    // Not here, damaged, or no document: the registry knows better.
    if (hasCode(error, 'NOT_FOUND') || isWrongContent(error) || hasCode(error, 'LIMIT_EXCEEDED')) return undefined
    throw error
  }
}
