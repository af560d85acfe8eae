import { ImageError } from '../../errors.ts'
import type { Mount } from '../mounts.ts'

/** Where a layer goes: a directory, and what lies below it. */
export interface Target {
  /** Takes the changes. */
  readonly directory: string
  /** Directories below, nearest first, never written. None: `directory` holds the merged tree itself. */
  readonly lowers: readonly string[]
  /** Where overlayfs keeps its own attributes: `user` for a mount with `userxattr`. */
  readonly namespace: 'trusted' | 'user'
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
  const upper = optionOf(options, 'upperdir')
  if (type !== 'overlay' || upper === undefined) throw unsupported(`a mount of type ${type} that can't be written`)
  const lowers = splitEscaped(optionOf(options, 'lowerdir') ?? '')
  return { directory: unescaped(upper), lowers, namespace }
}

function optionOf(options: readonly string[], key: string): string | undefined {
  return options.find(option => option.startsWith(`${key}=`))?.slice(key.length + 1)
}

/** overlayfs separates directories by colons, and takes a backslash before one as part of a name. */
function splitEscaped(list: string): string[] {
  return (list.match(/(?:\\.|[^:\\])+/g) ?? []).map(unescaped)
}

function unescaped(path: string): string {
  return path.replace(/\\(.)/g, '$1')
}

function unsupported(what: string): ImageError {
  return new ImageError('UNSUPPORTED', `Cannot write a layer into ${what}`, { what })
}
