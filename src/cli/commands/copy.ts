import { findImage } from '../../archive/source/names.ts'
import type { Parts } from '../../parts.ts'
import { fetchDocument } from '../../pull/fetch-document.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import type { Reference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import type { Context } from '../context.ts'
import { copyFlags, copyTo, type Original } from '../copying.ts'
import { type Place, parsePlace } from '../destination.ts'
import { findManifest } from '../documents.ts'
import { jsonFlag, platformFlag, pullFlags } from '../flags.ts'
import { openImages } from '../open-images.ts'
import { connectionsOf, invalidFlag, registryOf } from '../typed.ts'

export const copy = command({
  description:
    'Straight from one place to another, without the store: registries, oci:DIR[:TAG], oci-archive:FILE[:TAG] and docker-archive:FILE[:NAME]. Digests stay what they are; an index comes with all its images. An archive for Docker, as docker load reads it, has one image, for this machine unless --platform says otherwise, with its layers uncompressed and so another digest. What DEST has isn’t copied again, and within a registry blobs are mounted. Prints DEST@DIGEST.',
  arguments: {
    src: { summary: 'Image, as in docker pull, or in a file or directory' },
    dest: { summary: 'Where it is to be' },
  },
  flags: {
    platform: { ...platformFlag.platform, summary: 'Copy that image alone, not the index (default: all)' },
    referrers: { summary: 'Copy signatures, attestations and the like, too; between registries' },
    ...copyFlags,
    maxConnections: pullFlags.maxConnections,
    ...jsonFlag,
  },
  onInterrupt: 'run the same command to resume',
  async run(context, { src, dest, platform, referrers, progress, json, ...typed }) {
    const [from, to] = [parsePlace(src), parsePlace(dest)]
    // An archive for Docker has no indexes.
    const implied = 'file' in to && to.file.format === 'docker-archive' ? context.host : undefined
    const wanted = platform === undefined ? implied : parsePlatform(platform, context.host)
    const references = [from, to].flatMap(place => ('reference' in place ? [place.reference] : []))
    if (referrers && references.length < 2) throw invalidFlag('--referrers', '', 'files have no list of them')
    const parts = await context.open({
      ...connectionsOf(typed.maxConnections),
      ...(await registryOf(context, references, typed)),
    })
    const copyFrom = async (original: Original) => {
      const read = (document: Descriptor) => fetchDocument(original.fetcher, document, context.signal)
      const documents = { target: original.root, read }
      const root = wanted === undefined ? original.root : await findManifest(documents, wanted)
      await copyTo(context, parts, { ...original, root }, to, { progress, json })
    }
    if ('reference' in from) {
      const { referrers: list, ...original } = await atRegistry(context, parts, from.reference, to)
      return await copyFrom(referrers && list !== undefined ? { ...original, referrers: list } : original)
    }
    const images = await openImages(context, parts, from.file, { platform: wanted })
    try {
      const { descriptor: root, tag, reference } = findImage(images, from.file.name)
      await copyFrom({ root, fetcher: images.fetcher, called: { reference, tag: reference?.tag ?? tag } })
    } finally {
      images.close()
    }
  },
})

async function atRegistry({ signal }: Context, parts: Parts, reference: Reference, to: Place): Promise<Original> {
  const registry = await parts.resolver()
  const { descriptor: root } = await registry.resolve(reference, { signal })
  const fetcher = registry.fetcher(reference)
  const { host, repository } = reference
  const isBeside = 'reference' in to && to.reference.host === host && to.reference.repository !== repository
  const referrers: Original['referrers'] = digest => registry.referrers(reference, digest, { signal })
  const called = { reference, tag: reference.tag }
  return { root, fetcher, called, referrers, ...(isBeside ? { mountFrom: async () => repository } : {}) }
}
