import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { resetBaseDirectory } from './base-directory.ts'
import { copyTree } from './copy.ts'
import { type Driver, openSnapshots, type SnapshotterOptions } from './lifecycle.ts'
import type { Snapshotter } from './snapshotter.ts'
import { syncFileSystem } from './sync.ts'

/** Snapshots that are full copies: slow and large, and right on any file system, for any user. */
export function openNative(options: SnapshotterOptions): Snapshotter {
  const { workers, onWarning } = options
  const warned = new Set<string>()
  const onLoss = (loss: string) => {
    if (!warned.has(loss)) onWarning?.(`native: ${loss} can't be kept without root`)
    warned.add(loss)
  }

  const driver: Driver = {
    name: 'native',
    takes: 'directory',
    contents: 'fs',
    make: async (directory, kind, { parents: [nearest] }, signal) => {
      // A view shows its parent's own tree.
      if (kind === 'view' && nearest !== undefined) return
      const target = join(directory, 'fs')
      mkdirSync(target)
      if (nearest === undefined) return resetBaseDirectory(target)
      const abort = signal === undefined ? {} : { signal }
      await workers.run(copyTree, { source: join(nearest, 'fs'), target }, { ...abort, onMessage: onLoss }).result
    },
    seal: async (directory, _, { durable }) => {
      if (durable) await syncFileSystem(workers, directory)
    },
    mounts: (directory, kind, { parents: [nearest] }) => {
      const shown = kind === 'view' && nearest !== undefined ? nearest : directory
      return [{ type: 'bind', source: join(shown, 'fs'), options: [kind === 'active' ? 'rw' : 'ro', 'rbind'] }]
    },
  }
  return openSnapshots(driver, options)
}
