import { formatBytes } from '../../progress/format.ts'
import { measureUsage, type Share } from '../../store/gc/usage.ts'
import { openCollectable } from '../collectable.ts'
import { command } from '../command.ts'
import { jsonFlag } from '../flags.ts'
import { formatJson, formatTable } from '../table.ts'

export const df = command({
  description: 'SHARED is what several images need; RECLAIMABLE is what davit gc would free.',
  arguments: {},
  flags: { ...jsonFlag },
  async run(context, { json }) {
    const usage = await measureUsage(await openCollectable(await context.look()), { signal: context.signal })
    if (json) return context.write(formatJson(usage))
    const rows = Object.entries(usage).map(([name, share]: [string, Share]) => [
      name,
      String(share.count),
      formatBytes(share.bytes),
      formatBytes(share.sharedBytes),
      formatBytes(share.reclaimableBytes),
    ])
    await context.write(formatTable([['KIND', 'COUNT', 'SIZE', 'SHARED', 'RECLAIMABLE'], ...rows]))
  },
})
