import { ImageError } from '../../errors.ts'
import { unmountAll } from '../../rootfs/mounts.ts'
import { command } from '../command.ts'
import { findMounted, mountKey, mountTarget } from '../mounted-snapshot.ts'

export const umount = command({
  description: 'What was written there through mount --rw is gone then.',
  arguments: { dir: { summary: 'Directory that davit mount was given' } },
  flags: {},
  async run(context, typed) {
    const target = await mountTarget(typed.dir)
    const key = mountKey(target)
    const snapshotter = await findMounted(await context.look(), key)
    if (snapshotter === undefined) {
      const details = { what: 'mount', name: target }
      throw new ImageError('NOT_FOUND', `Cannot unmount ${target}: davit has mounted nothing there`, details)
    }
    unmountAll(await snapshotter.mounts(key), target)
    await snapshotter.remove(key)
  },
})
