import { formatReference, parseReference } from '../../spec/reference.ts'
import { resourcesOf } from '../../store/images.ts'
import { whileLeased } from '../../store/leases.ts'
import { command } from '../command.ts'
import { findImages } from '../find-image.ts'

export const imagesTag = command({
  description: 'The new name stands for what the old one stands for now, for each platform.',
  arguments: { ref: { summary: 'Image that is here' }, new: { summary: 'Its further name' } },
  flags: {},
  async run(context, typed) {
    const name = formatReference(parseReference(typed.new))
    const parts = await context.look()
    const images = await parts.images()
    const find = () => findImages(parts, parseReference(typed.ref))
    // What was found may have gone before it was leased.
    await whileLeased(await parts.leases(), (await find()).flatMap(resourcesOf), async () => {
      for (const { createdAt, updatedAt, ...record } of await find()) await images.set({ ...record, reference: name })
    })
    await context.write(`${name}\n`)
  },
})
