import { parseSource } from '../../archive/source/spec.ts'
import { parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { openFileImages } from '../file-images.ts'
import { jsonFlag, lockTimeoutFlag, platformsFlag, pullFlags, snapshotterFlag, strictFlag } from '../flags.ts'
import { typedPlatforms } from '../platforms.ts'
import { pullAll } from '../pull-images.ts'
import { lockTimeoutOf, quotasOf } from '../typed.ts'

export const importCommand = command({
  description:
    'SRC is FORMAT:PATH[:NAME], or a path alone, whose content then says what it is. oci, oci-archive: an OCI layout, as a directory and as a tar. docker-archive: what docker save and podman save write. tar: the files of one image; its config then says no more than its platform. A file may be compressed with gzip or zstd. Without REF, images are recorded under the whole names that SRC gives them; those without one are left out. Prints one line an image, as pull does.',
  arguments: {
    src: { summary: 'Directory or file with images, or - for stdin' },
    ref: { summary: 'Name of the image here (default: as SRC has it)', optional: true },
  },
  flags: {
    ...platformsFlag,
    ...snapshotterFlag,
    discardCompressed: { summary: 'Keep of each layer only its uncompressed tar, where the snapshotter takes tars' },
    ...strictFlag,
    progress: pullFlags.progress,
    ...lockTimeoutFlag,
    quota: pullFlags.quota,
    ...jsonFlag,
  },
  onInterrupt: 'run the same command to resume',
  async run(context, { src, ref, progress, json, ...typed }) {
    const spec = parseSource(src)
    const reference = ref === undefined ? undefined : parseReference(ref)
    const platforms = typedPlatforms(typed.platform, context.host)
    const quotas = quotasOf(typed.quota)
    const options = { ...quotas, ...lockTimeoutOf(typed.lockTimeout), discardCompressed: typed.discardCompressed }
    const parts = await context.open({
      strict: typed.strict,
      ...(typed.snapshotter === undefined ? {} : { snapshotter: typed.snapshotter }),
    })
    const images = await openFileImages(context, parts, spec, {
      platforms,
      ...quotas,
      naming: image => reference ?? image.reference,
      isOne: reference !== undefined,
    })
    try {
      await pullAll(context, images.wanted, { platforms, progress, json, options })
    } finally {
      images.close()
    }
  },
})
