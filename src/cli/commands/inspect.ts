import { counted, formatBytes } from '../../progress/format.ts'
import { parseConfig } from '../../spec/config.ts'
import { parseIndex } from '../../spec/index.ts'
import { parseManifest } from '../../spec/manifest.ts'
import { isIndex } from '../../spec/media-types.ts'
import { formatPlatform } from '../../spec/platform.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { type Documents, findModernManifest, openDocuments } from '../documents.ts'
import { jsonFlag, platformFlag, registryFlags } from '../flags.ts'
import { formatFields, formatJson } from '../table.ts'
import { registryOf } from '../typed.ts'

export const inspect = command({
  arguments: { ref: { summary: 'Image, as in docker pull' } },
  flags: { ...platformFlag, ...registryFlags, ...jsonFlag },
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const wanted = typed.platform === undefined ? context.host : parsePlatform(typed.platform, context.host)
    const parts = await context.look(await registryOf(context, [reference], typed))
    const documents = await openDocuments(context, parts, reference)
    const found = await findModernManifest(parts, documents, wanted)
    const manifest = parseManifest(await documents.read(found), found.mediaType)
    const config = parseConfig(await documents.read(manifest.config))
    const summary = {
      ref: formatReference(reference),
      digest: documents.target.digest,
      mediaType: documents.target.mediaType,
      platforms: await platformsOf(documents, formatPlatform(config.platform)),
      platform: formatPlatform(config.platform),
      manifest: found.digest,
      configDigest: manifest.config.digest,
      created: config.created,
      size: manifest.layers.reduce((sum, layer) => sum + layer.size, 0),
      layers: manifest.layers.map(({ digest, mediaType, size }, place) => ({
        digest,
        diffId: config.diffIds[place],
        mediaType,
        size,
      })),
      ...config.config,
    }
    if (typed.json) return context.write(formatJson(summary))
    const { layers, size, labels, env, ...fields } = summary
    await context.write(
      formatFields({
        ...fields,
        size: `${formatBytes(size)} in ${counted(layers.length, 'layer')}`,
        layers: layers.map(layer => `${layer.digest}  ${formatBytes(layer.size)}`),
        env,
        labels: labels === undefined ? undefined : Object.entries(labels).map(([name, value]) => `${name}=${value}`),
      }),
    )
  },
})

/** Those that the index offers, or the one that there is. Attestations name none. */
async function platformsOf({ target, read }: Documents, own: string): Promise<readonly string[]> {
  if (!isIndex(target.mediaType)) return [own]
  const { manifests } = parseIndex(await read(target), target.mediaType)
  const names = manifests.map(({ platform }) => (platform === undefined ? 'unknown' : formatPlatform(platform)))
  return [...new Set(names)].filter(name => !name.startsWith('unknown'))
}
