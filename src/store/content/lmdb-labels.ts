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
      return await labels.transaction(() => {
        const changed = changeLabels(labels.get(digest) ?? {}, changes)
        labels.put(digest, changed)
        return changed
      })
    },
    async clear(digest) {
      await (await table()).remove(digest)
    },
  }
}
