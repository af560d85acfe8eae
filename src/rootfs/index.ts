import { mkdirSync } from 'node:fs'
import { ImageError } from '../errors.ts'
import { type ErofsOptions, openErofs } from './erofs/snapshotter.ts'
import { erofsSupport } from './erofs-support.ts'
import { openNative } from './native.ts'
import { overlayObstacle } from './overlay-support.ts'
import { openOverlayfs } from './overlayfs.ts'
import type { Snapshotter } from './snapshotter.ts'

const openers: Readonly<Record<string, (options: ErofsOptions) => Snapshotter>> = {
  erofs: openErofs,
  overlayfs: openOverlayfs,
  native: openNative,
}

export const snapshotterNames: readonly string[] = Object.keys(openers)

/**
 * Opens the snapshotter called `name`; without one, the best that `options.directory` allows.
 *
 * Errors: INVALID_ARGUMENT.
 */
export async function openSnapshotter(name: string | undefined, options: ErofsOptions): Promise<Snapshotter> {
  const wanted = name ?? (await bestSnapshotter(options))
  const open = Object.hasOwn(openers, wanted) ? openers[wanted] : undefined
  if (open !== undefined) return open(options)
  throw new ImageError(
    'INVALID_ARGUMENT',
    `Cannot find a snapshotter named ${wanted}`,
    { argument: 'snapshotter', value: wanted },
    { hint: `there are ${snapshotterNames.join(', ')}` },
  )
}

/** Indexes need no privilege to make, so only who could mount them asks whether the kernel will. */
async function bestSnapshotter({ directory, onWarning }: ErofsOptions): Promise<string> {
  if (process.geteuid?.() !== 0) return 'erofs'
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const erofs = await erofsSupport(directory)
  if ('how' in erofs) return 'erofs'
  const overlay = overlayObstacle(directory)
  const instead = overlay === undefined ? 'overlayfs' : 'native'
  const why = overlay === undefined ? '' : `, nor overlays: ${overlay}`
  onWarning?.(`${instead} snapshots, for this kernel can't mount erofs from ${directory} (${erofs.obstacle})${why}`)
  return instead
}
