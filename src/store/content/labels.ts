import { ImageError } from '../../errors.ts'
import type { Digest } from '../../spec/digest.ts'
import type { LabelChanges, Labels } from './store.ts'

/** The labels of blobs. Knows nothing of the blobs: whoever removes one clears its labels. */
export interface LabelStore {
  /** No labels is an empty object. */
  get(digest: Digest): Promise<Labels>
  /** Sets those given, removes undefined ones, leaves others; the result is durable. Errors: LIMIT_EXCEEDED. */
  change(digest: Digest, changes: LabelChanges): Promise<Labels>
  /** Removes all labels of these, at once. */
  clear(digests: readonly Digest[]): Promise<void>
  /** Everything that has labels. */
  walk(): AsyncIterable<{ readonly digest: Digest; readonly labels: Labels }>
}

/** Key and value together; containerd's bound. */
export const LABEL_MAX_BYTES = 4096

/** Errors: LIMIT_EXCEEDED. */
export function checkLabels(changes: LabelChanges): void {
  for (const [key, value = ''] of Object.entries(changes)) {
    const actual = Buffer.byteLength(key) + Buffer.byteLength(value)
    if (actual <= LABEL_MAX_BYTES) continue
    const message = `Cannot set label ${key.slice(0, 100)}: ${actual} bytes with its key, ${LABEL_MAX_BYTES} at most`
    throw new ImageError('LIMIT_EXCEEDED', message, { limit: 'label bytes', max: LABEL_MAX_BYTES, actual })
  }
}

export function changeLabels(labels: Labels, changes: LabelChanges): Labels {
  const changed = new Map<string, string | undefined>([...Object.entries(labels), ...Object.entries(changes)])
  const kept = [...changed].flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]))
  return Object.fromEntries(kept)
}

export function memoryLabels(): LabelStore {
  const all = new Map<Digest, Labels>()
  const get = (digest: Digest) => all.get(digest) ?? {}
  return {
    get: async digest => get(digest),
    async change(digest, changes) {
      checkLabels(changes)
      const labels = changeLabels(get(digest), changes)
      all.set(digest, labels)
      return labels
    },
    async clear(digests) {
      for (const digest of digests) all.delete(digest)
    },
    async *walk() {
      for (const [digest, labels] of [...all]) yield { digest, labels }
    },
  }
}
