import { formatBytes } from '../../progress/format.ts'
import { prune } from '../../store/gc/prune.ts'
import { collect } from '../../store/gc/sweep.ts'
import { openCollectable } from '../collectable.ts'
import { collectedJson, collectedLine, prunedLines } from '../collected.ts'
import { command } from '../command.ts'
import { jsonFlag, lockTimeoutFlag } from '../flags.ts'
import { bytesOf, lockTimeoutOf } from '../typed.ts'

export const gc = command({
  description:
    'Pulls that run meanwhile lose nothing. A partial download is kept for a day. With --keep-storage, images go too: those that were not pulled, unpacked, bundled or mounted for the longest time first, and none that is mounted or that a running davit needs.',
  arguments: {},
  flags: {
    keepStorage: { value: 'SIZE', summary: 'Remove images until the store takes no more than that: 500M, 20G' },
    dryRun: { summary: 'Say what would go, and remove nothing' },
    ...lockTimeoutFlag,
    ...jsonFlag,
  },
  async run(context, { keepStorage, dryRun, lockTimeout, json }) {
    const keepBytes = keepStorage === undefined ? undefined : bytesOf('--keep-storage', keepStorage)
    const options = { dryRun, signal: context.signal, ...lockTimeoutOf(lockTimeout) }
    const parts = await openCollectable(await context.look())
    if (keepBytes === undefined) {
      const collected = await collect(parts, options)
      return context.write(json ? collectedJson(collected, dryRun) : collectedLine(collected, dryRun))
    }
    const pruned = await prune(parts, { ...options, keepBytes })
    await context.write(json ? collectedJson(pruned, dryRun) : prunedLines(pruned) + collectedLine(pruned, dryRun))
    const { kept = 0 } = pruned
    if (kept > keepBytes)
      context.note(`the store still takes ${formatBytes(kept)}: the rest is in use, or being downloaded`)
  },
})
