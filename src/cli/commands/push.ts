import { fetcherOf } from '../../copy/store-fetcher.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { parseReference, type Reference } from '../../spec/reference.ts'
import { sourcesAt } from '../../store/content/sources.ts'
import { command } from '../command.ts'
import { copyFlags, copyTo, type Original } from '../copying.ts'
import { jsonFlag, platformFlag } from '../flags.ts'
import { type LocalImages, withLocalRoot } from '../local-root.ts'
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
    await withLocalRoot(parts, reference, wanted && [wanted], async local => {
      if (local.remark !== undefined && wanted === undefined) context.note(local.remark)
      await copyTo(context, parts, originalFor(local, destination), { reference: destination }, { progress, json })
    })
  },
})

/** What the registry is known to have in another repository is mounted from there. */
function originalFor({ store, root, bytes }: LocalImages, { host, repository }: Reference): Original {
  return {
    root,
    fetcher: fetcherOf(store, bytes === undefined ? new Map() : new Map([[root.digest, bytes]])),
    async mountFrom({ digest }) {
      const { labels } = await store.info(digest)
      return sourcesAt(labels, { host }).find(other => other !== repository)
    },
  }
}
