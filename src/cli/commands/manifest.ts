import { parsePlatform } from '../../spec/platform-parse.ts'
import { parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { findManifest, openDocuments } from '../documents.ts'
import { platformFlag, registryFlags } from '../flags.ts'
import { registryOf } from '../typed.ts'

export const manifest = command({
  description: 'Prints what the reference names, which may be an index; with --platform, the manifest for it.',
  arguments: { ref: { summary: 'Image, as in docker pull' } },
  flags: { ...platformFlag, ...registryFlags },
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const platform = typed.platform === undefined ? undefined : parsePlatform(typed.platform, context.host)
    const parts = await context.look(await registryOf(context, [reference], typed))
    const documents = await openDocuments(context, parts, reference)
    const found = platform === undefined ? documents.target : await findManifest(documents, platform)
    await context.write(await documents.read(found))
  },
})
