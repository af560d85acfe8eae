import { ImageError } from '../../errors.ts'
import { survey } from '../../store/gc/graph.ts'
import { mark, type Node } from '../../store/gc/mark.ts'
import { openCollectable } from '../collectable.ts'
import { command } from '../command.ts'
import { lockTimeoutFlag, snapshotterFlag } from '../flags.ts'
import { openSnapshotter } from '../open-snapshotter.ts'
import { lockTimeoutOf } from '../typed.ts'

export const snapshotsRm = command({
  description: 'What an image or a running pull needs is refused: remove the image first.',
  arguments: { key: { summary: 'Snapshot, as snapshots ls names it', many: true } },
  flags: { ...snapshotterFlag, ...lockTimeoutFlag },
  async run(context, typed) {
    const { lockTimeoutMs } = lockTimeoutOf(typed.lockTimeout)
    const parts = await context.look()
    const snapshotter = await openSnapshotter(parts, typed.snapshotter)
    const all = await openCollectable(parts)
    const waiting = lockTimeoutMs === undefined ? {} : { timeoutMs: lockTimeoutMs }
    const frees: (() => Promise<void>)[] = []
    const frozen = await all.leases.freeze({ signal: context.signal, ...waiting })
    try {
      const { edges, roots, claimed } = await survey(all)
      for (const key of typed.key) {
        await snapshotter.stat(key)
        const node: Node = `snapshot:${snapshotter.name}/${key}`
        // Whoever names a snapshot may remove one that is held for its own sake alone.
        const others = [...roots].filter(root => root !== node || claimed.has(root))
        if (mark(others, next => edges.get(next) ?? []).has(node)) throw inUse(key)
      }
      for (const key of typed.key) frees.push(await snapshotter.discard(key))
    } finally {
      frozen.release()
    }
    for (const free of frees) await free()
    await context.write(typed.key.map(key => `${key}\n`).join(''))
  },
})

function inUse(key: string): ImageError {
  const details = { what: 'snapshot', name: key }
  return new ImageError('IN_USE', `Cannot remove snapshot ${key}: an image or a running pull needs it`, details, {
    hint: 'davit images rm takes an image away, davit gc then what only it needed',
  })
}
