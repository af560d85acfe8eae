import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Mount, mountAll, unmount } from './mounts.ts'
import { formatOverlay } from './overlay-mount.ts'
import { openStaging } from './staging.ts'

const known = new Map<string, string | undefined>()

/**
 * Why overlays can't be kept in `directory`, which exists; undefined when they can.
 *
 * Found by mounting one, and remembered as long as the process lives.
 */
export function overlayObstacle(directory: string): string | undefined {
  if (!known.has(directory)) known.set(directory, tryOverlay(directory))
  return known.get(directory)
}

function tryOverlay(directory: string): string | undefined {
  if (process.geteuid?.() !== 0) return 'mounting needs root'
  const staging = openStaging(directory)
  const [near = '', far = '', upper = '', work = '', target = ''] = ['near', 'far', 'upper', 'work', 'target'].map(
    name => join(staging.path, name),
  )
  try {
    for (const path of [near, far, upper, work, target]) mkdirSync(path)
    writeFileSync(join(far, 'file'), '')
    const options = ['index=off', ...formatOverlay({ lower: [near, far], upper, work })]
    const overlay: Mount = { type: 'overlay', source: staging.path, options }
    mountAll([overlay], target)
    try {
      rmSync(join(target, 'file'))
      // A file system whose directories don't tell types shows the mark of a deletion as a file.
      return readdirSync(target).length === 0 ? undefined : 'its directories do not tell the types of entries'
    } finally {
      unmount(target)
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    rmSync(staging.path, { recursive: true, force: true })
    staging.release()
  }
}
