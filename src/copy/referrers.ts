import { ImageError } from '../errors.ts'
import { fetchDocument } from '../pull/fetch-document.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { parseIndex } from '../spec/index.ts'
import { isIndex } from '../spec/media-types.ts'
import { added, type Copied, type CopyOptions, type CopyParts, copyImage } from './copy.ts'

export interface ReferrersParts extends CopyParts {
  /** What names `digest` as its subject, at the source. */
  readonly referrers: (digest: Digest) => Promise<readonly Descriptor[]>
}

/** Of one image, all its platforms and what refers to referrers: some signatures each, an SBOM, a provenance. */
const maxReferrers = 1_000

/**
 * Copies what refers to an image, to the images of an index, and to that again: signatures, attestations, bills of
 * materials. The image itself must be there already.
 *
 * Errors: those of `copyImage`; LIMIT_EXCEEDED for more than 1,000.
 */
export async function copyReferrers(
  parts: ReferrersParts,
  root: Descriptor,
  options: Omit<CopyOptions, 'tag'>,
): Promise<Copied> {
  let total: Copied = { copied: 0, mounted: 0, existing: 0 }
  const seen = new Set<Digest>()
  const subjects = [root, ...(await entriesOf(parts, root, options.signal))]
  for (let subject = subjects.shift(); subject !== undefined; subject = subjects.shift()) {
    for (const referrer of await parts.referrers(subject.digest)) {
      if (seen.has(referrer.digest)) continue
      seen.add(referrer.digest)
      if (seen.size > maxReferrers) throw tooMany(root)
      total = added(total, await copyImage(parts, referrer, options))
      subjects.push(referrer)
    }
  }
  return total
}

async function entriesOf(
  { fetcher }: CopyParts,
  root: Descriptor,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  if (!isIndex(root.mediaType)) return []
  return parseIndex(await fetchDocument(fetcher, root, signal), root.mediaType).manifests
}

function tooMany({ digest }: Descriptor): ImageError {
  const message = `Cannot copy what refers to ${digest}: more than ${maxReferrers}`
  return new ImageError('LIMIT_EXCEEDED', message, { limit: 'referrers', max: maxReferrers })
}
