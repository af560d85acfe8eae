import { ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import { formatPlatform, type Platform } from '../spec/platform.ts'
import { only } from '../spec/platform-match.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import type { ImageRecord } from '../store/images.ts'

/**
 * The records that a reference names here. One with a digest finds what any tag of its repository named with it.
 *
 * Errors: NOT_FOUND.
 */
export async function findImages(parts: Parts, reference: Reference): Promise<readonly ImageRecord[]> {
  const images = await parts.images()
  const name = formatReference(reference)
  const exact = await images.get(name)
  if (exact.length > 0) return exact
  const found: ImageRecord[] = []
  if (reference.digest !== undefined) {
    const repository = `${reference.host}/${reference.repository}`
    for await (const record of images.walk()) {
      const isOfRepository =
        record.reference.startsWith(`${repository}:`) || record.reference.startsWith(`${repository}@`)
      const isNamed = record.target.digest === reference.digest || record.manifest.digest === reference.digest
      if (isOfRepository && isNamed) found.push(record)
    }
  }
  if (found.length > 0) return found
  throw new ImageError(
    'NOT_FOUND',
    `Cannot find image ${name} here`,
    { what: 'image', name },
    { hint: `davit pull ${name}` },
  )
}

/**
 * The one record for `platform`. Errors: NOT_FOUND, NO_MATCHING_PLATFORM.
 */
export async function findImage(parts: Parts, reference: Reference, platform: Platform): Promise<ImageRecord> {
  const records = await findImages(parts, reference)
  const matcher = only(platform)
  const [best] = records
    .filter(record => matcher.match(record.platform))
    .sort((a, b) => matcher.compare(a.platform, b.platform))
  if (best !== undefined) return best
  const wanted = formatPlatform(platform)
  const available = records.map(record => formatPlatform(record.platform))
  throw new ImageError(
    'NO_MATCHING_PLATFORM',
    `Cannot find ${formatReference(reference)} for ${wanted} here: it was pulled for ${available.join(', ')}`,
    { wanted, available },
    { hint: `davit pull --platform ${wanted} ${formatReference(reference)}` },
  )
}
