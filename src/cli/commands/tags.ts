import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { jsonFlag, registryFlags } from '../flags.ts'
import { formatJson } from '../table.ts'
import { registryOf } from '../typed.ts'

export const tags = command({
  description: 'One a line, in the registry’s order.',
  arguments: { ref: { summary: 'Repository, as in docker pull; a tag in it makes no difference' } },
  flags: { ...registryFlags, ...jsonFlag },
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const parts = await context.open(await registryOf(context, [reference], typed))
    const found = await (await parts.resolver()).tags(reference, { signal: context.signal })
    const { host, repository } = reference
    if (!typed.json) return context.write(found.map(tag => `${tag}\n`).join(''))
    await context.write(formatJson({ repository: formatReference({ host, repository }), tags: found }))
  },
})
