import { hasCode } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { parseIndex } from '../spec/index.ts'
import { mediaTypes } from '../spec/media-types.ts'
import type { Reference } from '../spec/reference.ts'
import type { Host } from './hosts.ts'
import { pages } from './pages.ts'
import type { Question } from './request.ts'
import type { Session } from './session.ts'

export interface ReferrersOptions extends Pick<Question, 'patience' | 'signal'> {
  /** Only those of this type. */
  readonly artifactType?: string | undefined
}

/**
 * The manifests at `host` that name `digest` as their subject: signatures, attestations, bills of materials.
 *
 * Registries without an API for them have a list under a tag that is made of the digest. Filters are applied here
 * again, for registries may ignore them.
 *
 * Errors: those of pages; MALFORMED.
 * Source: OCI distribution-spec v1.1, "Listing Referrers", "Unavailable Referrers API".
 */
export async function listReferrers(
  session: Session,
  host: Host,
  { repository }: Reference,
  digest: Digest,
  { artifactType, ...options }: ReferrersOptions,
): Promise<readonly Descriptor[]> {
  const purpose = `list referrers of ${digest} in ${repository}`
  const headers = { accept: mediaTypes.ociIndex }
  const filter = artifactType === undefined ? '' : `?artifactType=${encodeURIComponent(artifactType)}`
  const listAt = async (path: string) => {
    const found: Descriptor[] = []
    for await (const { bytes } of pages(session, host, { repository, path, headers, purpose, ...options })) {
      found.push(...parseIndex(bytes, mediaTypes.ociIndex).manifests)
    }
    return found
  }
  const found = await listAt(`referrers/${digest}${filter}`)
    .catch(otherwise(() => listAt(`manifests/${digest.replace(':', '-')}`)))
    .catch(otherwise(async () => []))
  return found.filter(referrer => artifactType === undefined || referrer.artifactType === artifactType)
}

/** Does something else when there is no such thing. */
function otherwise<T>(attempt: () => Promise<T>): (error: unknown) => Promise<T> {
  return error => {
    const isUnknown =
      hasCode(error, 'NOT_FOUND') || (hasCode(error, 'INVALID_RESPONSE') && error.details.status === 405)
    if (!isUnknown) throw error
    return attempt()
  }
}
