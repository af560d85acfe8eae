import type { PulledImage } from '../../pull/pull.ts'
import { formatPlatform, type Platform } from '../../spec/platform.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { jsonFlag, platformFlag, pullFlags, snapshotterFlag } from '../flags.ts'
import { pullWith } from '../pull-images.ts'
import { formatJson } from '../table.ts'
import { credentialsOf, lockTimeoutOf } from '../typed.ts'
import { watched } from '../watch.ts'

export const pull = command({
  description:
    'Prints one line an image: HOST/REPOSITORY:TAG@DIGEST. What is here already isn’t fetched again; a pull that broke off goes on where it was.',
  arguments: { ref: { summary: 'Image, as in docker pull', many: true } },
  flags: {
    platform: { ...platformFlag.platform, many: true },
    ...snapshotterFlag,
    pull: {
      value: 'WHEN',
      choices: ['always', 'missing', 'never'],
      summary: 'Whether to ask the registry for what is here already (default: always)',
    },
    ...pullFlags,
    ...jsonFlag,
  },
  onInterrupt: 'run the same command to resume',
  async run(context, typed) {
    const references = typed.ref.map(parseReference)
    const platforms: readonly (Platform | undefined)[] =
      typed.platform.length === 0 ? [undefined] : typed.platform.map(text => parsePlatform(text, context.host))
    const lockTimeout = lockTimeoutOf(typed.lockTimeout)
    const parts = await context.open({
      plainHttp: typed.plainHttp,
      ...(typed.snapshotter === undefined ? {} : { snapshotter: typed.snapshotter }),
      ...(await credentialsOf(context, references, typed)),
    })

    const pulled = await watched(context, typed.progress, async onProgress => {
      const images: PulledImage[] = []
      for (const reference of references) {
        for (const platform of platforms) {
          const image = await pullWith(parts, reference, {
            ...(platform === undefined ? {} : { platform }),
            ...(typed.pull === undefined ? {} : { policy: typed.pull }),
            ...lockTimeout,
            signal: context.signal,
            onProgress,
          })
          images.push(image)
        }
      }
      return images
    })
    if (!typed.json) return context.write(pulled.map(image => `${pulledName(image)}\n`).join(''))
    const objects = pulled.map(pulledObject)
    await context.write(formatJson(objects.length === 1 ? objects[0] : objects))
  },
})

/** What to write down to get exactly this again. */
function pulledName({ reference, target }: PulledImage): string {
  return formatReference({ ...reference, digest: target.digest })
}

function pulledObject(image: PulledImage): object {
  const { reference, target, manifest, platform, config, layers, chainId, snapshotter, host, bytes, durations } = image
  return {
    ref: formatReference(reference),
    digest: target.digest,
    mediaType: target.mediaType,
    platform: formatPlatform(platform),
    manifest: manifest.digest,
    chainId,
    snapshotter,
    config: config.digest,
    layers,
    bytes,
    durations,
    host,
  }
}
