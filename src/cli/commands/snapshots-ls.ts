import { formatBytes } from '../../progress/format.ts'
import type { Snapshot, Usage } from '../../rootfs/snapshotter.ts'
import { command } from '../command.ts'
import { jsonFlag, snapshotterFlag } from '../flags.ts'
import { openSnapshotter } from '../open-snapshotter.ts'
import { formatAgo, formatJson, formatTable, shortDigest } from '../table.ts'

export const snapshotsLs = command({
  arguments: {},
  flags: { ...snapshotterFlag, ...jsonFlag },
  async run(context, typed) {
    const snapshotter = await openSnapshotter(await context.look(), typed.snapshotter)
    const found: (Snapshot & { readonly usage: Usage })[] = []
    for await (const snapshot of snapshotter.walk()) {
      found.push({ ...snapshot, usage: await snapshotter.usage(snapshot.key) })
    }
    found.sort((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.key < b.key ? -1 : 1))
    if (typed.json) return context.write(formatJson(found))
    const now = new Date()
    const rows = found.map(({ key, kind, parent, usage, createdAt }) => [
      key,
      kind,
      parent === undefined ? '-' : shortDigest(parent),
      formatBytes(usage.size),
      formatAgo(createdAt, now),
    ])
    await context.write(formatTable([['SNAPSHOT', 'KIND', 'PARENT', 'SIZE', 'MADE'], ...rows]))
  },
})
