import { findImage, nameOf } from '../../archive/source/names.ts'
import type { ImageSource, SourceImage } from '../../archive/source/source.ts'
import { parseSource, type SourceSpec } from '../../archive/source/spec.ts'
import { ImageError } from '../../errors.ts'
import { parseReference, type Reference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { jsonFlag, lockTimeoutFlag, platformsFlag, pullFlags, snapshotterFlag, strictFlag } from '../flags.ts'
import { openImages } from '../open-images.ts'
import { typedPlatforms } from '../platforms.ts'
import { pullAll, takingFrom } from '../pull-images.ts'
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
    const [platform] = 'length' in platforms ? platforms : []
    const source = await openImages(context, parts, spec, { platform, ...quotas })
    try {
      const { resolverOf } = await import('../../archive/source/resolver.ts')
      const wanted = namedImages(source, spec, reference).map(({ image, reference }) => {
        return { parts: takingFrom(parts, resolverOf(source, image)), reference }
      })
      await pullAll(context, wanted, { platforms, progress, json, options })
    } finally {
      source.close()
    }
  },
})

interface NamedImage {
  readonly image: SourceImage
  readonly reference: Reference
}

/** Errors: those of `findImage`; INVALID_ARGUMENT when nobody has named it. */
function namedImages(source: ImageSource, { path, name }: SourceSpec, reference?: Reference): readonly NamedImage[] {
  const isOne = name !== undefined || reference !== undefined
  const images = isOne || source.images.length === 0 ? [findImage(source, name)] : source.images
  const named = images.flatMap(image => {
    const own = reference ?? image.reference
    return own === undefined ? [] : [{ image, reference: own }]
  })
  if (named.length > 0) return named
  const found = images.map(nameOf).slice(0, 3).join(', ')
  const message = `Cannot import ${path}: it has no whole name for ${found}`
  const hint = images.length === 1 ? 'name it: davit import SRC REF' : 'name one: davit import FORMAT:PATH:NAME REF'
  throw new ImageError('INVALID_ARGUMENT', message, { argument: 'ref' }, { hint })
}
