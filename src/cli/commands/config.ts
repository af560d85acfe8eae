import { parseManifest } from '../../spec/manifest.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { findModernManifest, openDocuments } from '../documents.ts'
import { platformFlag, registryFlags } from '../flags.ts'
import { registryOf } from '../typed.ts'

export const config = command({
  arguments: { ref: { summary: 'Image, as in docker pull' } },
  flags: { ...platformFlag, ...registryFlags },
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const platform = typed.platform === undefined ? context.host : parsePlatform(typed.platform, context.host)
    const parts = await context.look(await registryOf(context, [reference], typed))
    const documents = await openDocuments(context, parts, reference)
    const found = await findModernManifest(parts, documents, platform)
    const manifest = parseManifest(await documents.read(found), found.mediaType)
    await context.write(await documents.read(manifest.config))
  },
})
