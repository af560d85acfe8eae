import { parsePlatform } from '../../spec/platform-parse.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { jsonFlag, platformFlag, registryFlags } from '../flags.ts'
import { formatJson } from '../table.ts'
import { registryOf } from '../typed.ts'

export const digest = command({
  description: 'Asks the registry, and opens no store. With --platform, the digest of that platform’s manifest.',
  arguments: { ref: { summary: 'Image, as in docker pull' } },
  flags: { ...platformFlag, ...registryFlags, ...jsonFlag },
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const platform = typed.platform === undefined ? undefined : parsePlatform(typed.platform, context.host)
    const parts = await context.look(await registryOf(context, [reference], typed))
    if (platform !== undefined) {
      const { findManifest, openDocuments } = await import('../documents.ts')
      const found = await findManifest(await openDocuments(context, parts, reference), platform)
      return context.write(typed.json ? formatJson({ ref: formatReference(reference), ...found }) : `${found.digest}\n`)
    }
    const { descriptor, host } = await (await parts.resolver()).resolve(reference, { signal: context.signal })
    const { digest, mediaType, size } = descriptor
    if (!typed.json) return context.write(`${digest}\n`)
    await context.write(formatJson({ ref: formatReference(reference), digest, mediaType, size, host }))
  },
})
