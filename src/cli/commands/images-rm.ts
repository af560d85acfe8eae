import { parsePlatform } from '../../spec/platform-parse.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { findImages } from '../find-image.ts'
import { platformFlag } from '../flags.ts'

export const imagesRm = command({
  description: 'Removes names only; davit gc frees what no other name needs.',
  arguments: { ref: { summary: 'Image that is here', many: true } },
  flags: { platform: { ...platformFlag.platform, summary: 'Remove it for this platform only (default: for all)' } },
  async run(context, typed) {
    const references = typed.ref.map(parseReference)
    const platform = typed.platform === undefined ? undefined : parsePlatform(typed.platform, context.host)
    const parts = await context.look()
    const images = await parts.images()
    // All are looked up before any goes.
    for (const reference of references) await findImages(parts, reference)
    for (const reference of references) {
      const name = formatReference(reference)
      await images.remove(name, platform)
      await context.write(`${name}\n`)
    }
  },
})
