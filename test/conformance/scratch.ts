import { mkdtempSync, realpathSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { mountPointsIn } from '../../src/rootfs/mount-table.ts'
import { type Mount, mountAll, unmountAll } from '../../src/rootfs/mounts.ts'
import { MNT_DETACH } from '../../src/system/sys/constants.ts'
import { openSys } from '../../src/system/sys/linux.ts'

export const asRoot = process.geteuid?.() === 0
/** For tests that mount. */
export const needsRoot = asRoot ? false : 'mounting needs root'

/** A directory that goes after the tests of the file, with whatever is still mounted in it. */
export function makeScratch(name: string, parent = tmpdir()): string {
  const scratch = realpathSync(mkdtempSync(join(parent, `davit-${name}-`)))
  after(() => {
    for (const point of mountPointsIn(scratch)) openSys().umount2(point, MNT_DETACH)
    rmSync(scratch, { recursive: true, force: true })
  })
  return scratch
}

/** Runs `use` with `mounts` on a directory in `scratch`. */
export async function mounted<T>(
  scratch: string,
  mounts: readonly Mount[],
  use: (root: string) => T | Promise<T>,
): Promise<T> {
  const target = mkdtempSync(join(scratch, 'mounted-'))
  try {
    mountAll(mounts, target)
    try {
      return await use(target)
    } finally {
      unmountAll(mounts, target)
    }
  } finally {
    rmdirSync(target)
  }
}
