import { ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import type { Snapshotter } from '../rootfs/snapshotter.ts'

/** The snapshotter of this name, or the default one. Errors: INVALID_ARGUMENT for `none`. */
export async function openSnapshotter(parts: Pick<Parts, 'snapshotter'>, name?: string): Promise<Snapshotter> {
  const snapshotter = await parts.snapshotter(name)
  if (snapshotter !== undefined) return snapshotter
  throw new ImageError('INVALID_ARGUMENT', `Cannot use snapshotter ${name ?? 'none'}: it keeps no snapshots`, {
    argument: '--snapshotter',
    value: name ?? 'none',
  })
}
