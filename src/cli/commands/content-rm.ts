import { parseDigest } from '../../spec/digest.ts'
import { command } from '../command.ts'

export const contentRm = command({
  arguments: { digest: { summary: 'Blob, as content ls names it', many: true } },
  flags: {},
  async run(context, typed) {
    const digests = typed.digest.map(parseDigest)
    const store = await (await context.open()).contentStore()
    for (const digest of digests) await store.info(digest)
    for (const digest of digests) {
      await store.delete(digest)
      await context.write(`${digest}\n`)
    }
  },
})
