import type { PulledImage } from '../pull/pull.ts'
import { formatPlatform } from '../spec/platform.ts'
import { formatReference } from '../spec/reference.ts'
import { formatJson } from './table.ts'

export function pulledLines(pulled: readonly PulledImage[]): string {
  return pulled.map(image => `${pulledName(image)}\n`).join('')
}

/** One object, or an array of those that there are when several were asked for. */
export function pulledJson(pulled: readonly PulledImage[], isOne: boolean): string {
  const objects = pulled.map(pulledObject)
  return formatJson(isOne ? objects[0] : objects)
}

/** What to write down to get exactly this again. */
function pulledName({ reference, target }: PulledImage): string {
  return formatReference({ ...reference, digest: target.digest })
}

function pulledObject(image: PulledImage): object {
  const { reference, target, manifest, platform, config, layers, chainId, snapshotter, host, bytes, durations } = image
  return {
    ref: formatReference(reference),
    digest: target.digest,
    mediaType: target.mediaType,
    platform: formatPlatform(platform),
    manifest: manifest.digest,
    chainId,
    snapshotter,
    config: config.digest,
    layers,
    bytes,
    durations,
    host,
  }
}
