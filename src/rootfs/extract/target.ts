import { ImageError } from '../../errors.ts'
import type { Mount } from '../mounts.ts'
import { parseOverlay } from '../overlay-mount.ts'

/** Where a layer goes: a directory, and what lies below it. */
export interface Target {
  /** Takes the changes. */
  readonly directory: string
  /** Directories below, nearest first, never written. None: `directory` holds the merged tree itself. */
  readonly lowers: readonly string[]
  /** Where overlayfs keeps its own attributes: `user` for a mount with `userxattr`. */
  readonly namespace: 'trusted' | 'user'
  /** Paths of what lower layers have, and could not be made: a later layer may link to it. Bytes as latin1 strings. */
  readonly leftOut?: readonly string[]
}

/**
 * The target that `mounts` of an active snapshot describe: a bind is a flat directory, an overlay an upper one.
 *
 * Errors: UNSUPPORTED: read-only, several mounts, or another type.
 */
export function targetOf(mounts: readonly Mount[]): Target {
  const [mount, ...more] = mounts
  if (mount === undefined || more.length > 0) throw unsupported(`${mounts.length} mounts`)
  const { type, source, options } = mount
  const namespace = options.includes('userxattr') ? 'user' : 'trusted'
  if (type === 'bind' && !options.includes('ro')) return { directory: source, lowers: [], namespace }
  const { lower, upper } = parseOverlay(options)
  if (type !== 'overlay' || upper === undefined) throw unsupported(`a mount of type ${type} that can't be written`)
  return { directory: upper, lowers: lower, namespace }
}

function unsupported(what: string): ImageError {
  return new ImageError('UNSUPPORTED', `Cannot write a layer into ${what}`, { what })
}
