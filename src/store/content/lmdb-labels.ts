import { isDeepStrictEqual } from 'node:util'
import type { Digest } from '../../spec/digest.ts'
import type { Db } from '../db.ts'
import { changeLabels, checkLabels, type LabelStore } from './labels.ts'
import type { Labels } from './store.ts'

export function lmdbLabels(db: Db): LabelStore {
  const table = () => db.table<Labels, Digest>('labels')
  return {
    get: async digest => (await table()).get(digest) ?? {},
    async change(digest, changes) {
      checkLabels(changes)
      const labels = await table()
      const before = labels.get(digest) ?? {}
      // What can be read is durable: a pull of what is here waits for no disk.
      if (isDeepStrictEqual(changeLabels(before, changes), before)) return before
      return await db.transaction(() => {
        const changed = changeLabels(labels.get(digest) ?? {}, changes)
        labels.put(digest, changed)
        return changed
      })
    },
    async clear(digests) {
      const labels = await table()
      const known = digests.filter(digest => labels.doesExist(digest))
      if (known.length === 0) return
      await db.transaction(() => known.forEach(digest => void labels.remove(digest)), { removes: true })
    },
    async *walk() {
      for (const { key, value } of (await table()).getRange({ snapshot: false })) yield { digest: key, labels: value }
    },
  }
}
