import { mkdirSync } from 'node:fs'
import { ImageError } from '../errors.ts'
import type { Workers } from '../system/workers.ts'
import { type ErofsOptions, openErofs } from './erofs/snapshotter.ts'
import { erofsSupport } from './erofs-support.ts'
import { openNative } from './native.ts'
import { overlayObstacle } from './overlay-support.ts'
import { openOverlayfs } from './overlayfs.ts'
import type { Snapshotter } from './snapshotter.ts'

export interface OpenOptions extends ErofsOptions {
  /** For snapshots that are directories, where other workers must read and remove them (default: `workers`). */
  readonly treeWorkers?: Workers
}

const openers: Readonly<Record<string, (options: OpenOptions) => Snapshotter>> = {
  erofs: openErofs,
  overlayfs: options => openOverlayfs(forTrees(options)),
  native: options => openNative(forTrees(options)),
}

function forTrees({ treeWorkers, ...options }: OpenOptions): ErofsOptions {
  return { ...options, workers: treeWorkers ?? options.workers }
}

export const snapshotterNames: readonly string[] = Object.keys(openers)

/**
 * Opens the snapshotter called `name`; without one, the best that `options.directory` allows.
 *
 * Errors: INVALID_ARGUMENT.
 */
export async function openSnapshotter(name: string | undefined, options: OpenOptions): Promise<Snapshotter> {
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
