import { parsePlatform } from '../../spec/platform-parse.ts'
import { parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { findImage } from '../find-image.ts'
import { platformFlag } from '../flags.ts'
import { mountImage } from '../mount-image.ts'
import { mountTarget } from '../mounted-snapshot.ts'

export const mount = command({
  description: 'Read-only, unless --rw: then what is written lasts until davit umount.',
  arguments: { ref: { summary: 'Image that is here' }, dir: { summary: 'Directory to mount it on' } },
  flags: { rw: { summary: 'Let it be written to; the image itself stays as it is' }, ...platformFlag },
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const platform = typed.platform === undefined ? context.host : parsePlatform(typed.platform, context.host)
    const target = await mountTarget(typed.dir)
    const parts = await context.look()
    const image = await findImage(parts, reference, platform)
    await (await parts.images()).use(image)
    await mountImage(parts, image, target, { rw: typed.rw, signal: context.signal })
  },
})
