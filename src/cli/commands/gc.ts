import { counted, formatBytes } from '../../progress/format.ts'
import { collect } from '../../store/gc/sweep.ts'
import { openCollectable } from '../collectable.ts'
import { command } from '../command.ts'
import { jsonFlag, lockTimeoutFlag } from '../flags.ts'
import { formatJson } from '../table.ts'
import { lockTimeoutOf } from '../typed.ts'

export const gc = command({
  description: 'Pulls that run meanwhile lose nothing. A partial download is kept for a day.',
  arguments: {},
  flags: { dryRun: { summary: 'Say what would go, and remove nothing' }, ...lockTimeoutFlag, ...jsonFlag },
  async run(context, { dryRun, lockTimeout, json }) {
    const options = { dryRun, signal: context.signal, ...lockTimeoutOf(lockTimeout) }
    const { blobs, snapshots, ingests, bytes } = await collect(await openCollectable(await context.look()), options)
    if (json) return context.write(formatJson({ dryRun, blobs, snapshots, ingests, bytes }))
    const counts = [
      counted(blobs.length, 'blob'),
      counted(snapshots.length, 'snapshot'),
      counted(ingests.length, 'partial download'),
    ]
    await context.write(`${dryRun ? 'would free' : 'freed'} ${formatBytes(bytes)}: ${counts.join(', ')}\n`)
  },
})
