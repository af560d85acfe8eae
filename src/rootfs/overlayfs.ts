import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AT_FDCWD } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'
import { resetBaseDirectory } from './base-directory.ts'
import { copyAttributes } from './copy-attributes.ts'
import { type Driver, openSnapshots, type SnapshotKind, type SnapshotterOptions } from './lifecycle.ts'
import type { Mount } from './mounts.ts'
import { formatOverlay } from './overlay-mount.ts'
import type { Snapshotter } from './snapshotter.ts'
import { syncFileSystem } from './sync.ts'
import { inUserNamespace } from './user-namespace.ts'

/**
 * Snapshots that hold only what differs from their parents, laid over them by the kernel.
 *
 * `<id>/fs` is a layer with overlayfs' own marks for what it deletes, `<id>/work` the kernel's scratch space.
 */
export function openOverlayfs(options: SnapshotterOptions): Snapshotter {
  const warned = new Set<string>()
  const onLoss = (loss: string) => {
    if (!warned.has(loss)) options.onWarning?.(`overlayfs: ${loss} can't be kept without root`)
    warned.add(loss)
  }
  const userxattr = process.geteuid?.() !== 0 || inUserNamespace()

  const driver: Driver = {
    name: 'overlayfs',
    takes: 'directory',
    contents: 'fs',
    make: async (directory, kind, { parents }) => {
      const [nearest] = parents
      if (kind === 'view' && nearest !== undefined) return
      const fs = join(directory, 'fs')
      mkdirSync(fs)
      if (nearest === undefined) return resetBaseDirectory(fs)
      mkdirSync(join(directory, 'work'))
      // The upper directory is the root that people see.
      const root = Buffer.from(join(nearest, 'fs'))
      copyAttributes(root, Buffer.from(fs), openSys().stat(AT_FDCWD, root), onLoss)
    },
    seal: async (directory, _, { durable }) => {
      if (durable) await syncFileSystem(options.workers, directory)
    },
    mounts: (directory, kind, { parents }) => overlayMounts(directory, kind, parents, userxattr),
  }
  return openSnapshots(driver, options)
}

function overlayMounts(
  directory: string,
  kind: SnapshotKind,
  parents: readonly string[],
  userxattr: boolean,
): readonly Mount[] {
  const lower = parents.map(parent => join(parent, 'fs'))
  const [nearest = join(directory, 'fs')] = lower
  if (lower.length === 0) return [bind(nearest, kind === 'active' ? 'rw' : 'ro')]
  if (lower.length === 1 && kind === 'view') return [bind(nearest, 'ro')]
  // Without an index, lower directories may be shared by any number of overlays, copied and moved.
  const how = userxattr ? ['index=off', 'userxattr'] : ['index=off']
  const upper = { upper: join(directory, 'fs'), work: join(directory, 'work') }
  const directories = kind === 'active' ? { lower, ...upper } : { lower }
  return [{ type: 'overlay', source: directory, options: [...how, ...formatOverlay(directories)] }]
}

function bind(source: string, access: 'ro' | 'rw'): Mount {
  return { type: 'bind', source, options: [access, 'rbind'] }
}
