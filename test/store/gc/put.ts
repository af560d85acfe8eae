import assert from 'node:assert/strict'
import { type Digest, digestOf } from '../../../src/spec/digest.ts'
import { type ContentStore, isIngest, type Labels } from '../../../src/store/content/store.ts'

/** Puts a blob; answers its digest. */
export async function put(store: ContentStore, text: string, labels: Labels = {}): Promise<Digest> {
  const bytes = Buffer.from(text)
  const ingest = await store.ingest(text, { digest: digestOf(bytes) })
  assert(isIngest(ingest))
  await ingest.write(bytes)
  return (await ingest.commit(labels)).digest
}

/** Of every blob, sorted. */
export async function digests(store: ContentStore): Promise<readonly Digest[]> {
  const all: Digest[] = []
  for await (const { digest } of store.walk()) all.push(digest)
  return all.toSorted()
}
