import { command } from '../command.ts'
import { parsePlace } from '../destination.ts'
import { jsonFlag, platformsFlag, pullFlags, snapshotterFlag, strictFlag } from '../flags.ts'
import { typedPlatforms } from '../platforms.ts'
import { pullAll } from '../pull-images.ts'
import { connectionsOf, lockTimeoutOf, quotasOf, registryOf } from '../typed.ts'

export const pull = command({
  description:
    'Prints one line an image: HOST/REPOSITORY:TAG@DIGEST. What is here already isn’t fetched again; a pull that broke off goes on where it was. REF may be a file or directory, too: oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE and tar:FILE, as import reads them. An image without a name of its own is localhost/DIR:TAG then.',
  arguments: { ref: { summary: 'Image, as in docker pull, or in a file or directory', many: true } },
  flags: {
    ...platformsFlag,
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
    const places = typed.ref.map(parsePlace)
    const references = places.flatMap(place => ('reference' in place ? [place.reference] : []))
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

    const { wanted, close } = await openPlaces()
    try {
      await pullAll(context, wanted, {
        platforms,
        progress: typed.progress,
        json: typed.json,
        options: {
          ...(typed.pull === undefined ? {} : { policy: typed.pull }),
          ...lockTimeout,
          ...quotas,
          schema1: !typed.noSchema1,
          discardCompressed: typed.discardCompressed,
        },
      })
    } finally {
      close()
    }

    async function openPlaces() {
      const registries = references.map(reference => ({ parts, reference }))
      if (registries.length === places.length) return { wanted: registries, close() {} }
      return (await import('../file-images.ts')).openPlaces(context, parts, places, { platforms, ...quotas })
    }
  },
})
