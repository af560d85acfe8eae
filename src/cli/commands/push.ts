import { type LocalRoot, localRoot } from '../../copy/local-root.ts'
import { fetcherOf } from '../../copy/store-fetcher.ts'
import { counted } from '../../progress/format.ts'
import { readImage } from '../../pull/image.ts'
import { formatPlatform } from '../../spec/platform.ts'
import { onlyStrict } from '../../spec/platform-match.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { formatReference, parseReference, type Reference } from '../../spec/reference.ts'
import { sourcesAt } from '../../store/content/sources.ts'
import type { ContentStore } from '../../store/content/store.ts'
import type { ImageRecord } from '../../store/images.ts'
import type { Lease } from '../../store/leases.ts'
import { command } from '../command.ts'
import { copyFlags, copyTo, type Original } from '../copying.ts'
import { findImage, findImages } from '../find-image.ts'
import { jsonFlag, platformFlag } from '../flags.ts'
import { requireBlobs } from '../local-layers.ts'
import { registryOf } from '../typed.ts'

export const push = command({
  description:
    'The image must be here, with its layers as they were pulled. Of an index that is here in part the one image that is goes alone, or those that are as a new index. What the registry has isn’t sent again. Prints HOST/REPOSITORY:TAG@DIGEST.',
  arguments: {
    ref: { summary: 'Image that is here' },
    dest: { summary: 'Its name at the registry (default: REF)', optional: true },
  },
  flags: {
    platform: { ...platformFlag.platform, summary: 'Push that image alone (default: all that are here)' },
    ...copyFlags,
    ...jsonFlag,
  },
  onInterrupt: 'run the same command to resume',
  async run(context, { ref, dest, platform, progress, json, ...typed }) {
    const reference = parseReference(ref)
    const destination = dest === undefined ? reference : parseReference(dest)
    const wanted = platform === undefined ? undefined : parsePlatform(platform, context.host)
    const parts = await context.look(await registryOf(context, [destination], typed))
    const records =
      wanted === undefined ? await findImages(parts, reference) : [await findImage(parts, reference, wanted)]
    const store = await parts.contentStore()
    const lease = await (await parts.leases()).hold()
    try {
      for (const record of records) await requireWhole(store, lease, record)
      const local = await localRoot(store, records)
      if (local.missing > 0 && wanted === undefined) context.note(partly(reference, records, local))
      await copyTo(
        context,
        parts,
        originalFor(store, local, destination),
        { reference: destination },
        { progress, json },
      )
    } finally {
      await lease.end()
    }
  },
})

/** Sees to it that all blobs of an image are here, and stay while they are pushed. Errors: NOT_FOUND. */
async function requireWhole(
  store: ContentStore,
  lease: Lease,
  { manifest, target, platform, reference }: ImageRecord,
): Promise<void> {
  await lease.add({ kind: 'content', id: target.digest })
  const image = await readImage(store, manifest, { wanted: platform, matcher: onlyStrict(platform) })
  for (const { digest } of image.blobs) await lease.add({ kind: 'content', id: digest })
  await requireBlobs(store, image, parseReference(reference))
}

/** What the registry is known to have in another repository is mounted from there. */
function originalFor(store: ContentStore, { root, bytes }: LocalRoot, { host, repository }: Reference): Original {
  return {
    root,
    fetcher: fetcherOf(store, bytes === undefined ? new Map() : new Map([[root.digest, bytes]])),
    async mountFrom({ digest }) {
      const { labels } = await store.info(digest)
      return sourcesAt(labels, { host }).find(other => other !== repository)
    },
  }
}

function partly(reference: Reference, records: readonly ImageRecord[], { bytes, missing }: LocalRoot): string {
  const platforms = records.map(({ platform }) => formatPlatform(platform)).join(', ')
  const how = bytes === undefined ? 'alone, without the index' : 'in a new index'
  const what = `${counted(missing, 'more image')} of the index ${missing === 1 ? 'is' : 'are'} not here`
  return `${formatReference(reference)}: ${platforms} goes ${how}: ${what}`
}
