import { prune } from '../../store/gc/prune.ts'
import { openCollectable } from '../collectable.ts'
import { collectedJson, collectedLine, prunedLines } from '../collected.ts'
import { command } from '../command.ts'
import { jsonFlag, lockTimeoutFlag } from '../flags.ts'
import { ageOf, lockTimeoutOf } from '../typed.ts'

export const imagesPrune = command({
  description:
    'Removes every image that is not mounted and that no running davit needs, and frees what only those needed, as davit gc does. An image counts as used when it is pulled, unpacked, bundled or mounted.',
  arguments: {},
  flags: {
    unusedFor: { value: 'TIME', summary: 'Only what was not used for so long: 90m, 12h, 30d' },
    dryRun: { summary: 'Say what would go, and remove nothing' },
    ...lockTimeoutFlag,
    ...jsonFlag,
  },
  async run(context, { unusedFor, dryRun, lockTimeout, json }) {
    const ageMs = unusedFor === undefined ? undefined : ageOf('--unused-for', unusedFor)
    const pruned = await prune(await openCollectable(await context.look()), {
      dryRun,
      signal: context.signal,
      ...lockTimeoutOf(lockTimeout),
      ...(ageMs === undefined ? {} : { usedBefore: new Date(Date.now() - ageMs) }),
    })
    await context.write(json ? collectedJson(pruned, dryRun) : prunedLines(pruned) + collectedLine(pruned, dryRun))
  },
})
