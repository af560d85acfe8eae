import type { PulledImage } from '../../pull/pull.ts'
import { formatPlatform } from '../../spec/platform.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { jsonFlag, platformFlag, pullFlags, snapshotterFlag, strictFlag } from '../flags.ts'
import { platformsFor, typedPlatforms } from '../platforms.ts'
import { pullWith } from '../pull-images.ts'
import { formatJson } from '../table.ts'
import { connectionsOf, lockTimeoutOf, quotasOf, registryOf } from '../typed.ts'
import { watched } from '../watch.ts'

export const pull = command({
  description:
    'Prints one line an image: HOST/REPOSITORY:TAG@DIGEST. What is here already isn’t fetched again; a pull that broke off goes on where it was.',
  arguments: { ref: { summary: 'Image, as in docker pull', many: true } },
  flags: {
    platform: {
      ...platformFlag.platform,
      summary: 'Platform of the image, or all (default: this machine’s)',
      many: true,
    },
    ...snapshotterFlag,
    pull: {
      value: 'WHEN',
      choices: ['always', 'missing', 'never'],
      summary: 'Whether to ask the registry for what is here already (default: always)',
    },
    durability: {
      value: 'WHAT',
      choices: ['full', 'process'],
      summary: 'Survive power cuts too, or only crashes of processes, as is enough for a CI cache (default: full)',
    },
    discardCompressed: { summary: 'Keep of each layer only its uncompressed tar, where the snapshotter takes tars' },
    ...strictFlag,
    ...pullFlags,
    ...jsonFlag,
  },
  onInterrupt: 'run the same command to resume',
  async run(context, typed) {
    const references = typed.ref.map(parseReference)
    const platforms = typedPlatforms(typed.platform, context.host)
    const lockTimeout = lockTimeoutOf(typed.lockTimeout)
    const quotas = quotasOf(typed.quota)
    const parts = await context.open({
      strict: typed.strict,
      ...(typed.snapshotter === undefined ? {} : { snapshotter: typed.snapshotter }),
      ...(typed.durability === undefined ? {} : { durability: typed.durability }),
      ...connectionsOf(typed.maxConnections),
      ...(await registryOf(context, references, typed)),
    })

    const pulled: PulledImage[] = []
    try {
      await watched(context, typed.progress, async onProgress => {
        for (const reference of references) {
          for (const platform of await platformsFor(context, parts, reference, platforms)) {
            const image = await pullWith(parts, reference, {
              ...(platform === undefined ? {} : { platform }),
              ...(typed.pull === undefined ? {} : { policy: typed.pull }),
              ...lockTimeout,
              ...quotas,
              schema1: !typed.noSchema1,
              discardCompressed: typed.discardCompressed,
              signal: context.signal,
              onProgress,
            })
            pulled.push(image)
          }
        }
      })
    } finally {
      // What was recorded stays, whatever comes of the rest.
      const isOne = references.length === 1 && 'length' in platforms && platforms.length === 1
      if (pulled.length > 0) await context.write(typed.json ? pulledJson(pulled, isOne) : pulledLines(pulled))
    }
  },
})

function pulledLines(pulled: readonly PulledImage[]): string {
  return pulled.map(image => `${pulledName(image)}\n`).join('')
}

/** One object, or an array of those that there are when several were asked for. */
function pulledJson(pulled: readonly PulledImage[], isOne: boolean): string {
  const objects = pulled.map(pulledObject)
  return formatJson(isOne ? objects[0] : objects)
}

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
