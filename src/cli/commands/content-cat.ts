import { parseDigest } from '../../spec/digest.ts'
import { command } from '../command.ts'

/** Bytes that are read and written at once: few calls, little memory. */
const pieceBytes = 1024 * 1024

export const contentCat = command({
  arguments: { digest: { summary: 'Blob, as content ls names it' } },
  flags: {},
  async run(context, typed) {
    const blob = await (await (await context.look()).contentStore()).open(parseDigest(typed.digest))
    try {
      for (let offset = 0; offset < blob.size; offset += pieceBytes) {
        context.signal.throwIfAborted()
        await context.write(await blob.read(offset, pieceBytes))
      }
    } finally {
      await blob.close()
    }
  },
})
