import { ImageError } from '../../errors.ts'
import type { Parts } from '../../parts.ts'
import { isMounted, mountAll } from '../../rootfs/mounts.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { parseReference } from '../../spec/reference.ts'
import { GC_ROOT } from '../../store/gc/refs.ts'
import { command } from '../command.ts'
import { findImage } from '../find-image.ts'
import { platformFlag } from '../flags.ts'
import { findMounted, mountKey, mountTarget, targetLabel } from '../mounted-snapshot.ts'
import { openSnapshotter } from '../open-snapshotter.ts'

export const mount = command({
  description: 'Read-only, unless --rw: then what is written lasts until davit umount.',
  arguments: { ref: { summary: 'Image that is here' }, dir: { summary: 'Directory to mount it on' } },
  flags: { rw: { summary: 'Let it be written to; the image itself stays as it is' }, ...platformFlag },
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const platform = typed.platform === undefined ? context.host : parsePlatform(typed.platform, context.host)
    const target = await mountTarget(typed.dir)
    const key = mountKey(target)
    const parts = await context.open()
    const image = await findImage(parts, reference, platform)
    if (image.chainId === undefined || image.snapshotter === undefined) throw notUnpacked(image.reference)
    await removeStale(parts, key, target)

    const snapshotter = await openSnapshotter(parts, image.snapshotter)
    const labels = { [GC_ROOT]: new Date().toISOString(), [targetLabel]: target }
    const mounts = typed.rw
      ? await snapshotter.prepare(key, image.chainId, { labels, signal: context.signal })
      : await snapshotter.view(key, image.chainId, { labels, signal: context.signal })
    try {
      mountAll(mounts, target)
    } catch (error) {
      await snapshotter.remove(key)
      throw error
    }
  },
})

function notUnpacked(reference: string): ImageError {
  const details = { what: 'snapshot', name: reference }
  return new ImageError('NOT_FOUND', `Cannot mount ${reference}: it was pulled without unpacking`, details, {
    hint: `davit pull ${reference}`,
  })
}

/** A machine that was switched off forgets mounts, but not their snapshots. Errors: IN_USE for one that is mounted. */
async function removeStale(parts: Parts, key: string, target: string): Promise<void> {
  const holder = await findMounted(parts, key)
  if (holder === undefined) return
  if (!isMounted(target)) return holder.remove(key)
  const details = { what: 'directory', name: target }
  throw new ImageError('IN_USE', `Cannot mount on ${target}: an image is mounted there`, details, {
    hint: `davit umount ${target}`,
  })
}
