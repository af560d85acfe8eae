import { formatBytes } from '../../progress/format.ts'
import type { BlobInfo } from '../../store/content/store.ts'
import { command } from '../command.ts'
import { jsonFlag } from '../flags.ts'
import { formatAgo, formatJson, formatTable } from '../table.ts'

export const contentLs = command({
  arguments: {},
  flags: { ...jsonFlag },
  async run(context, { json }) {
    const blobs: BlobInfo[] = []
    for await (const blob of (await (await context.look()).contentStore()).walk()) blobs.push(blob)
    blobs.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.digest < b.digest ? -1 : 1))
    if (json) return context.write(formatJson(blobs))
    const now = new Date()
    const rows = blobs.map(({ digest, size, createdAt }) => [digest, formatBytes(size), formatAgo(createdAt, now)])
    await context.write(formatTable([['DIGEST', 'SIZE', 'FETCHED'], ...rows]))
  },
})
