import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { labelsLeftOut } from '../../bundle/annotations.ts'
import { idMap } from '../../bundle/id-map.ts'
import { runtimeConfig } from '../../bundle/runtime-config.ts'
import { findUser } from '../../bundle/user.ts'
import { openImageTree } from '../../rootfs/image-tree.ts'
import { parseConfig } from '../../spec/config.ts'
import { formatReference } from '../../spec/reference.ts'
import { readBlob } from '../../store/content/read.ts'
import { writeFileDurably } from '../../system/files.ts'
import { subordinateIds } from '../../system/user-namespace.ts'
import { command } from '../command.ts'
import { type Filling, fillFlags, fillFromImage, imageAndDir, isResumed, pullsFirst } from '../fill-from-image.ts'
import { mountImage } from '../mount-image.ts'

/** Its files may be set-user-ID for anybody who reaches them. */
const bundleMode = 0o700
const rootPath = 'rootfs'

export const bundle = command({
  description: `DIR gets a config.json and a rootfs, for crun run, runc run and other OCI runtimes. ${pullsFirst} Who the process runs as is looked up inside the image. Volumes are in memory. Labels that runtimes would obey on this machine are left out.`,
  arguments: imageAndDir,
  flags: {
    mount: { summary: 'Mount the files, writable, instead of writing them; davit umount DIR/rootfs ends it' },
    rootless: { summary: 'Make it for an ordinary user; the default for one' },
    tty: { summary: 'Give the process a terminal', short: 't' },
    ...fillFlags,
  },
  onInterrupt: isResumed,
  async run(context, typed) {
    const { mount, rootless, tty } = typed
    const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 }
    const ids = rootless || own.uid !== 0 ? { ids: idMap(own, subordinateIds()) } : {}
    const options = { mode: bundleMode, ...(mount ? {} : { snapshotter: 'none' as const }) }
    await fillFromImage(context, typed, options, async filling => {
      const { parts, directory, image } = filling
      const root = join(directory, rootPath)
      const config = await configOf(filling, { rootPath, tty, ...ids })
      await mkdir(root)
      if (!mount) await filling.unpack(root)
      writeFileDurably(join(directory, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
      // Last: what failed before it is removed, and must not be mounted then.
      const { reference, ...unpacked } = image
      const record = { ...unpacked, reference: formatReference(reference) }
      if (mount) await mountImage(parts, record, root, { rw: true, signal: context.signal })
    })
  },
})

async function configOf(
  { parts, image, layers, warn }: Filling,
  options: Parameters<typeof runtimeConfig>[2],
): Promise<object> {
  const config = parseConfig(await readBlob(await parts.contentStore(), image.config.digest))
  for (const label of labelsLeftOut(config)) warn(`label ${JSON.stringify(label)} left out: runtimes would obey it`)
  const files = openImageTree(layers)
  try {
    return runtimeConfig(config, findUser(files, config.config.user), options)
  } finally {
    files.close()
  }
}
