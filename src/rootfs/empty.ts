import { notFound } from './catalog.ts'
import type { Snapshotter } from './snapshotter.ts'

/** A snapshotter without snapshots, that makes none: there is no store. */
export function emptySnapshotter(name: string): Snapshotter {
  const refuse = (key: string) => Promise.reject(notFound(key))
  return {
    name,
    takes: 'layers',
    stat: refuse,
    label: refuse,
    usage: refuse,
    mounts: refuse,
    prepare: refuse,
    view: refuse,
    commit: refuse,
    turn: refuse,
    check: refuse,
    remove: refuse,
    discard: refuse,
    async *walk() {},
    cleanup: async () => 0,
  }
}
