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
  const wanted = name ?? bestSnapshotter(options.directory)
  const open = Object.hasOwn(openers, wanted) ? openers[wanted] : undefined
  if (open !== undefined) return open(options)
  throw new ImageError(
    'INVALID_ARGUMENT',
    `Cannot find a snapshotter named ${wanted}`,
    { argument: 'snapshotter', value: wanted },
    { hint: `there are ${snapshotterNames.join(', ')}` },
  )
}

function bestSnapshotter(directory: string): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return overlayObstacle(directory) === undefined ? 'overlayfs' : 'native'
}
