import type { Labels } from '../content/store.ts'
import type { Node } from './mark.ts'

/** Whatever has this label lives, and what it reaches. The value is never read. */
export const GC_ROOT = 'containerd.io/gc.root'
/** Value: digest of a blob that lives as long as this. Suffixes, after `.` or `/`, tell several apart. */
export const GC_REF_CONTENT = 'containerd.io/gc.ref.content'

const contentKey = /^containerd\.io\/gc\.ref\.content(?:[./]|$)/
const snapshotKey = /^containerd\.io\/gc\.ref\.snapshot\.([^/]+)/

/** What the labels of a blob or a snapshot keep alive. */
export function refs(labels: Labels): readonly Node[] {
  const found: Node[] = []
  for (const [key, value] of Object.entries(labels)) {
    if (contentKey.test(key)) found.push(`content:${value}`)
    const snapshotter = snapshotKey.exec(key)?.[1]
    if (snapshotter !== undefined) found.push(`snapshot:${snapshotter}/${value}`)
  }
  return found
}

export function isRoot(labels: Labels): boolean {
  return Object.hasOwn(labels, GC_ROOT)
}
