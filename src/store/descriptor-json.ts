import type { Descriptor } from '../spec/descriptor.ts'
import type { Platform } from '../spec/platform.ts'

/**
 * A descriptor as documents spell it; what `descriptorSchema` reads. Without its `data`: the store has the blob.
 */
export function descriptorJson({ platform, data, ...rest }: Descriptor): object {
  return { ...rest, ...(platform !== undefined && { platform: platformJson(platform) }) }
}

export function platformJson({ osVersion, osFeatures, ...rest }: Platform): object {
  return { ...rest, 'os.version': osVersion, 'os.features': osFeatures }
}
