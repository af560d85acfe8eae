import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { release } from 'node:os'
import { join } from 'node:path'
import { mergeLayers } from '../layer/merge.ts'
import { openSys } from '../system/sys/linux.ts'
import { writeErofs } from './erofs/writer.ts'
import { mountErofsBy } from './erofs-mount.ts'
import { openStaging } from './staging.ts'

/** How this machine mounts EROFS images that lie in a directory; why it can't, when it can't. */
export type ErofsSupport = { readonly how: 'file' | 'loop' } | { readonly obstacle: string }

/** Where the answer is remembered, with the kernel that gave it. */
const memory = '.erofs'

/**
 * Finds out by a real mount below `directory`, once a kernel. Needs root.
 *
 * Errors: what the disk says.
 */
export async function erofsSupport(directory: string): Promise<ErofsSupport> {
  const path = join(directory, memory)
  const known = recall(path)
  if (known !== undefined) return known
  const found = await tryMounts(directory)
  writeFileSync(path, JSON.stringify({ kernel: release(), ...found }))
  return found
}

function recall(path: string): ErofsSupport | undefined {
  try {
    const { kernel, how, obstacle } = JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, unknown>>
    if (kernel !== release()) return undefined
    if (how === 'file' || how === 'loop') return { how }
    return typeof obstacle === 'string' ? { obstacle } : undefined
  } catch {
    // Absent, or no JSON: the mount will tell.
    return undefined
  }
}

async function tryMounts(directory: string): Promise<ErofsSupport> {
  const staging = openStaging(directory)
  try {
    const image = join(staging.path, 'image')
    const pieces = writeErofs(mergeLayers([]), { tags: [], readTar: () => new Uint8Array() })
    writeFileSync(image, Buffer.concat([...pieces]))
    const target = join(staging.path, 'target')
    mkdirSync(target)
    const obstacles: string[] = []
    for (const how of ['file', 'loop'] as const) {
      try {
        mountErofsBy(how, { type: 'erofs', source: image, options: ['ro'] }, target)
        openSys().umount2(target)
        return { how }
      } catch (error) {
        obstacles.push(`${how}: ${error instanceof Error ? error.message : error}`)
      }
    }
    return { obstacle: obstacles.join('; ') }
  } finally {
    rmSync(staging.path, { recursive: true, force: true })
    staging.release()
  }
}
