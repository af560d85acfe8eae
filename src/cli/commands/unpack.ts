import { resolve } from 'node:path'
import { unpackTree } from '../../rootfs/unpack/unpack.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { fillDirectory, isThere } from '../fill-directory.ts'
import { platformFlag, pullFlags, strictFlag } from '../flags.ts'
import { withLayers } from '../local-layers.ts'
import { pullWith } from '../pull-images.ts'
import { connectionsOf, lockTimeoutOf, quotasOf, registryOf } from '../typed.ts'
import { UnpackProgress } from '../unpack-progress.ts'
import { watched } from '../watch.ts'

export const unpack = command({
  description:
    'An image that isn’t here is pulled first. DIR must be empty, or not there yet. Only files that are left of all layers are written. The layers’ uncompressed tars stay in the store too, until davit gc, unless an EROFS snapshot needs them.',
  arguments: { ref: { summary: 'Image, as in docker pull' }, dir: { summary: 'Directory for its files' } },
  flags: { ...platformFlag, ...strictFlag, ...pullFlags },
  onInterrupt: 'what was fetched is kept, run the same command to go on',
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const platform = typed.platform === undefined ? undefined : parsePlatform(typed.platform, context.host)
    const lockTimeout = lockTimeoutOf(typed.lockTimeout)
    const quotas = quotasOf(typed.quota)
    const directory = resolve(typed.dir)
    await isThere(directory)
    const parts = await context.open({
      snapshotter: 'none',
      ...connectionsOf(typed.maxConnections),
      ...(await registryOf(context, [reference], typed)),
    })
    const { signal } = context

    await watched(context, typed.progress, async onProgress => {
      const progress = new UnpackProgress(formatReference(reference), onProgress)
      try {
        const image = await pullWith(parts, reference, {
          ...(platform === undefined ? {} : { platform }),
          ...lockTimeout,
          ...quotas,
          policy: 'missing',
          keepTars: true,
          signal,
          onProgress: event => progress.pulling(event),
        })
        progress.begin(image)
        const [openWorker, treeWorkers] = [await parts.imageWorkers(), await parts.treeWorkers()]
        await withLayers(context, parts, typed, layers =>
          fillDirectory(treeWorkers, directory, () =>
            unpackTree(openWorker, layers, directory, {
              signal,
              strict: typed.strict,
              onProgress: (layer, part) => progress.written(layer, part),
              onWarning: message => progress.warn(message),
            }),
          ),
        )
      } catch (error) {
        progress.end('failed')
        throw error
      }
      progress.end('done')
    })
  },
})
