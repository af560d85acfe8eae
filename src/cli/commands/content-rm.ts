import { ImageError } from '../../errors.ts'
import { parseDigest } from '../../spec/digest.ts'
import { survey } from '../../store/gc/graph.ts'
import { mark } from '../../store/gc/mark.ts'
import { openCollectable } from '../collectable.ts'
import { command } from '../command.ts'
import { lockTimeoutFlag } from '../flags.ts'
import { lockTimeoutOf } from '../typed.ts'

export const contentRm = command({
  description: 'What an image, a running pull or a root needs is refused: remove the image first.',
  arguments: { digest: { summary: 'Blob, as content ls names it', many: true } },
  flags: { ...lockTimeoutFlag },
  async run(context, typed) {
    const digests = typed.digest.map(parseDigest)
    const { lockTimeoutMs } = lockTimeoutOf(typed.lockTimeout)
    const parts = await openCollectable(await context.look())
    const waiting = lockTimeoutMs === undefined ? {} : { timeoutMs: lockTimeoutMs }
    // As in a collection, nobody comes to need what is on its way out.
    const frozen = await parts.leases.freeze({ signal: context.signal, ...waiting })
    try {
      const { edges, roots } = await survey(parts)
      const needed = mark(roots, node => edges.get(node) ?? [])
      for (const digest of digests) {
        await parts.store.info(digest)
        if (needed.has(`content:${digest}`)) throw inUse(digest)
      }
      for (const digest of digests) await parts.store.delete(digest)
    } finally {
      frozen.release()
    }
    await context.write(digests.map(digest => `${digest}\n`).join(''))
  },
})

function inUse(digest: string): ImageError {
  const details = { what: 'blob', name: digest }
  return new ImageError('IN_USE', `Cannot remove ${digest}: an image or a running pull needs it`, details, {
    hint: 'davit images rm takes an image away, davit gc then what only it needed',
  })
}
