import { command } from '../command.ts'
import { snapshotterFlag } from '../flags.ts'
import { openSnapshotter } from '../open-snapshotter.ts'

export const snapshotsRm = command({
  arguments: { key: { summary: 'Snapshot, as snapshots ls names it', many: true } },
  flags: { ...snapshotterFlag },
  async run(context, typed) {
    const snapshotter = await openSnapshotter(await context.open(), typed.snapshotter)
    for (const key of typed.key) {
      await snapshotter.remove(key)
      await context.write(`${key}\n`)
    }
  },
})
