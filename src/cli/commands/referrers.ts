import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { jsonFlag, registryFlags } from '../flags.ts'
import { formatJson, formatTable } from '../table.ts'
import { registryOf } from '../typed.ts'

export const referrers = command({
  description: 'Signatures, attestations, bills of materials: whatever names this image as its subject.',
  arguments: { ref: { summary: 'Image, as in docker pull' } },
  flags: { artifactType: { value: 'TYPE', summary: 'Only those of this type' }, ...registryFlags, ...jsonFlag },
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const parts = await context.open(await registryOf(context, [reference], typed))
    const resolver = await parts.resolver()
    const { signal } = context
    const digest = reference.digest ?? (await resolver.resolve(reference, { signal })).descriptor.digest
    const found = await resolver.referrers(reference, digest, { artifactType: typed.artifactType, signal })
    if (typed.json) return context.write(formatJson({ ref: formatReference(reference), digest, referrers: found }))
    const rows = found.map(({ digest, artifactType = '-', size }) => [digest, artifactType, String(size)])
    await context.write(formatTable([['DIGEST', 'TYPE', 'SIZE'], ...rows]))
  },
})
