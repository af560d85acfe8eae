import { mkdirSync } from 'node:fs'
import { ImageError } from '../errors.ts'
import type { SnapshotterOptions } from './lifecycle.ts'
import { openNative } from './native.ts'
import { overlayObstacle } from './overlay-support.ts'
import { openOverlayfs } from './overlayfs.ts'
import type { Snapshotter } from './snapshotter.ts'

const openers: Readonly<Record<string, (options: SnapshotterOptions) => Snapshotter>> = {
  overlayfs: openOverlayfs,
  native: openNative,
}

export const snapshotterNames: readonly string[] = Object.keys(openers)

/**
 * Opens the snapshotter called `name`; without one, the best that `options.directory` allows.
 *
 * Errors: INVALID_ARGUMENT.
 */
export function openSnapshotter(name: string | undefined, options: SnapshotterOptions): Snapshotter {
  const wanted = name ?? bestSnapshotter(options)
  const open = Object.hasOwn(openers, wanted) ? openers[wanted] : undefined
  if (open !== undefined) return open(options)
  throw new ImageError(
    'INVALID_ARGUMENT',
    `Cannot find a snapshotter named ${wanted}`,
    { argument: 'snapshotter', value: wanted },
    { hint: `there are ${snapshotterNames.join(', ')}` },
  )
}

function bestSnapshotter({ directory, onWarning }: SnapshotterOptions): string {
  // Nobody but root can mount overlays, so for others there is nothing to choose.
  if (process.geteuid?.() !== 0) return 'native'
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const obstacle = overlayObstacle(directory)
  if (obstacle === undefined) return 'overlayfs'
  onWarning?.(`native snapshots, for overlays can't be kept in ${directory}: ${obstacle}`)
  return 'native'
}
