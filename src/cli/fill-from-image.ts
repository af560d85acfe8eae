import { resolve } from 'node:path'
import type { Parts } from '../parts.ts'
import type { PulledImage } from '../pull/pull.ts'
import type { StoredLayer } from '../rootfs/image-tree.ts'
import { unpackTree } from '../rootfs/unpack/unpack.ts'
import { parsePlatform } from '../spec/platform-parse.ts'
import { formatReference, parseReference } from '../spec/reference.ts'
import type { Typed } from './command.ts'
import type { Context } from './context.ts'
import { fillDirectory, isThere } from './fill-directory.ts'
import { platformFlag, pullFlags, strictFlag } from './flags.ts'
import { withLayers } from './local-layers.ts'
import { pullWith } from './pull-images.ts'
import { connectionsOf, lockTimeoutOf, quotasOf, registryOf } from './typed.ts'
import { UnpackProgress } from './unpack-progress.ts'
import { watched } from './watch.ts'

/** What commands that write an image's files take, and say. */
export const imageAndDir = {
  ref: { summary: 'Image, as in docker pull' },
  dir: { summary: 'Directory for its files' },
} as const
export const fillFlags = { ...platformFlag, ...strictFlag, ...pullFlags } as const
export const pullsFirst = 'An image that isn’t here is pulled first. DIR must be empty, or not there yet.'
export const isResumed = 'what was fetched is kept, run the same command to go on'

/** An image that is here now, and the directory that is to be filled from it. */
export interface Filling {
  readonly parts: Parts
  readonly image: PulledImage
  readonly layers: readonly StoredLayer[]
  /** Absolute. Empty. */
  readonly directory: string
  /** Writes the image's files into an empty directory. */
  unpack(directory: string): Promise<void>
  warn(message: string): void
}

export interface FillOptions {
  /** Default: the machine's best. */
  readonly snapshotter?: 'none'
  /** Of the directory, where it has to be made. */
  readonly mode?: number
}

/**
 * Pulls an image that isn't here and lets `fill` write into the directory, all of it as one thing that people watch.
 *
 * Errors: those of `isThere`, of `pullImage` and of `fill`; the directory is then as it was.
 */
export async function fillFromImage(
  context: Context,
  typed: Typed<typeof imageAndDir, typeof fillFlags>,
  { mode, ...settings }: FillOptions,
  fill: (filling: Filling) => Promise<void>,
): Promise<void> {
  const reference = parseReference(typed.ref)
  const platform = typed.platform === undefined ? undefined : parsePlatform(typed.platform, context.host)
  const limits = { ...lockTimeoutOf(typed.lockTimeout), ...quotasOf(typed.quota) }
  const directory = resolve(typed.dir)
  await isThere(directory)
  const parts = await context.open({
    ...settings,
    ...connectionsOf(typed.maxConnections),
    ...(await registryOf(context, [reference], typed)),
  })
  const { signal } = context

  await watched(context, typed.progress, async onProgress => {
    const progress = new UnpackProgress(formatReference(reference), onProgress)
    try {
      const image = await pullWith(parts, reference, {
        ...(platform === undefined ? {} : { platform }),
        ...limits,
        schema1: !typed.noSchema1,
        policy: 'missing',
        keepTars: settings.snapshotter === 'none',
        signal,
        onProgress: event => progress.pulling(event),
      })
      progress.begin(image)
      const [openWorker, treeWorkers] = [await parts.imageWorkers(), await parts.treeWorkers()]
      const warn = (message: string) => progress.warn(message)
      const fillWith = (layers: readonly StoredLayer[]) => {
        const unpack = (into: string) =>
          unpackTree(openWorker, layers, into, {
            signal,
            strict: typed.strict,
            onProgress: (layer, part) => progress.written(layer, part),
            onWarning: warn,
          })
        return fill({ parts, image, layers, directory, unpack, warn })
      }
      // Whoever dies in between may run it again: the directory is finished last.
      await fillDirectory(treeWorkers, directory, () => withLayers(context, parts, typed, fillWith), mode)
    } catch (error) {
      progress.end('failed')
      throw error
    }
    progress.end('done')
  })
}
