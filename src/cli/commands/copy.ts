import { findImage } from '../../archive/source/names.ts'
import { parseSource, sourceFormats } from '../../archive/source/spec.ts'
import type { Parts } from '../../parts.ts'
import { fetchDocument } from '../../pull/fetch-document.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { parseReference, type Reference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import type { Context } from '../context.ts'
import { copyFlags, copyTo, type Original } from '../copying.ts'
import { findManifest } from '../documents.ts'
import { jsonFlag, platformFlag, pullFlags } from '../flags.ts'
import { openImages } from '../open-images.ts'
import { connectionsOf, registryOf } from '../typed.ts'

export const copy = command({
  description:
    'From one registry straight to another, or from oci:DIR[:NAME], oci-archive:FILE[:NAME] or docker-archive:FILE[:NAME] to a registry, without the store. Digests stay what they are; an index comes with all its images. What DEST has isn’t sent again, and within a registry blobs are mounted. Prints HOST/REPOSITORY:TAG@DIGEST.',
  arguments: {
    src: { summary: 'Image, as in docker pull, or in a file' },
    dest: { summary: 'Its name at the other registry' },
  },
  flags: {
    platform: { ...platformFlag.platform, summary: 'Copy that image alone, not the index (default: all)' },
    ...copyFlags,
    maxConnections: pullFlags.maxConnections,
    ...jsonFlag,
  },
  onInterrupt: 'run the same command to resume',
  async run(context, { src, dest, platform, progress, json, ...typed }) {
    const destination = parseReference(dest)
    const file = sourceFormats.some(format => src.startsWith(`${format}:`)) ? parseSource(src) : undefined
    const reference = file === undefined ? parseReference(src) : undefined
    const wanted = platform === undefined ? undefined : parsePlatform(platform, context.host)
    const references = reference === undefined ? [destination] : [reference, destination]
    const parts = await context.open({
      ...connectionsOf(typed.maxConnections),
      ...(await registryOf(context, references, typed)),
    })
    const options = { progress, json }
    const copyFrom = async (original: Original) => {
      const { signal } = context
      const read = (document: Original['root']) => fetchDocument(original.fetcher, document, signal)
      const documents = { target: original.root, read }
      const root = wanted === undefined ? original.root : await findManifest(documents, wanted)
      await copyTo(context, parts, { ...original, root }, destination, options)
    }
    if (reference !== undefined) return await copyFrom(await atRegistry(context, parts, reference, destination))
    if (file === undefined) return
    const images = await openImages(context, parts, file, { platform: wanted })
    try {
      await copyFrom({ root: findImage(images, file.name).descriptor, fetcher: images.fetcher })
    } finally {
      images.close()
    }
  },
})

async function atRegistry(
  { signal }: Context,
  parts: Parts,
  reference: Reference,
  destination: Reference,
): Promise<Original> {
  const registry = await parts.resolver()
  const { descriptor: root } = await registry.resolve(reference, { signal })
  const fetcher = registry.fetcher(reference)
  const isBeside = reference.host === destination.host && reference.repository !== destination.repository
  return { root, fetcher, ...(isBeside ? { mountFrom: async () => reference.repository } : {}) }
}
