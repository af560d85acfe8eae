import { closeSync, openSync } from 'node:fs'
import { errnoOf } from '../errors.ts'
import { attachLoop, type LoopDevice } from '../system/loop.ts'
import { openSys } from '../system/sys/linux.ts'
import type { Mount } from './mounts.ts'
import { MAX_OPTION_BYTES } from './overlay-mount.ts'

const device = 'device='

/**
 * Mounts an EROFS image with the tars that it points into: straight from the files, where the kernel can (Linux ≥6.12,
 * on file systems that let it), else through loop devices.
 *
 * Files are passed as descriptors, for fsconfig(2) takes strings of 255 bytes at most; an image with a shorter path by
 * that, since the mount table shows it.
 *
 * Errors: the kernel's.
 */
export function mountErofs(mount: Mount, target: string): void {
  try {
    mountErofsBy('file', mount, target)
  } catch (error) {
    // What each kernel says that wants a block device.
    if (!['ENOTBLK', 'EINVAL', 'EOPNOTSUPP'].includes(errnoOf(error) ?? '')) throw error
    mountErofsBy('loop', mount, target)
  }
}

export function mountErofsBy(how: 'file' | 'loop', { source, options }: Mount, target: string): void {
  const devices = options.filter(option => option.startsWith(device)).map(option => option.slice(device.length))
  const files: number[] = []
  const loops: LoopDevice[] = []
  try {
    const isShown = how === 'file' && Buffer.byteLength(source) <= MAX_OPTION_BYTES
    const paths = [source, ...devices].map((path, at) => {
      if (isShown && at === 0) return path
      const fd = openSync(path, 'r')
      files.push(fd)
      if (how === 'file') return `/proc/self/fd/${fd}`
      const loop = attachLoop(fd)
      loops.push(loop)
      return loop.path
    })
    const [image = '', ...tars] = paths
    const settings = tars.map((path): [string, string] => ['device', path])
    openSys().mountWith('erofs', [['source', image], ...settings, ['ro']], target)
  } finally {
    for (const loop of loops) loop.close()
    for (const fd of files) closeSync(fd)
  }
}
