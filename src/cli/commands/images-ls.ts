import { formatBytes } from '../../progress/format.ts'
import { formatPlatform } from '../../spec/platform.ts'
import type { ImageRecord } from '../../store/images.ts'
import { command } from '../command.ts'
import { jsonFlag } from '../flags.ts'
import { formatAgo, formatJson, formatTable, shortDigest } from '../table.ts'

export const imagesLs = command({
  arguments: {},
  flags: { ...jsonFlag },
  async run(context, { json }) {
    const records: ImageRecord[] = []
    for await (const record of (await (await context.look()).images()).walk()) records.push(record)
    records.sort((a, b) => (a.reference < b.reference ? -1 : 1))
    if (json) return context.write(formatJson(records.map(imageObject)))
    const now = new Date()
    const rows = records.map(({ reference, platform, target, size, updatedAt }) => [
      reference,
      formatPlatform(platform),
      shortDigest(target.digest),
      formatBytes(size),
      formatAgo(new Date(updatedAt), now),
    ])
    await context.write(formatTable([['IMAGE', 'PLATFORM', 'DIGEST', 'SIZE', 'PULLED'], ...rows]))
  },
})

/** `digest`: of what the tag names, as `davit digest` prints it. */
function imageObject({
  reference,
  platform,
  manifest,
  target,
  chainId,
  snapshotter,
  size,
  createdAt,
  updatedAt,
}: ImageRecord): object {
  return {
    ref: reference,
    digest: target.digest,
    mediaType: target.mediaType,
    platform: formatPlatform(platform),
    manifest: manifest.digest,
    chainId,
    snapshotter,
    size,
    createdAt,
    updatedAt,
  }
}
