import type { Descriptor } from '../spec/descriptor.ts'
import { digestOf } from '../spec/digest.ts'
import { parseIndex } from '../spec/index.ts'
import { maxDocumentBytes } from '../spec/json.ts'
import { parseManifest } from '../spec/manifest.ts'
import { isIndex, isManifest, mediaTypes } from '../spec/media-types.ts'
import { readAll } from './body.ts'
import { invalidResponse, transportError } from './failures.ts'
import type { Host } from './hosts.ts'
import { checkKept, dropBody } from './kept.ts'
import { type Question, request } from './request.ts'
import type { Session } from './session.ts'

/** What a manifest says of itself where its subject's referrers are listed. */
interface Referrer {
  readonly subject: Descriptor
  readonly entry: object
}

/** What `bytes` refer to; undefined for what has no subject. */
export function referrerIn({ mediaType, digest, size }: Descriptor, bytes: Uint8Array): Referrer | undefined {
  const document = isManifest(mediaType)
    ? parseManifest(bytes, mediaType)
    : isIndex(mediaType)
      ? parseIndex(bytes, mediaType)
      : undefined
  if (document?.subject === undefined) return undefined
  const { subject, annotations } = document
  const artifactType = document.artifactType ?? ('config' in document ? document.config.mediaType : undefined)
  return { subject, entry: { mediaType, digest, size, artifactType, annotations } }
}

/**
 * Adds a referrer to the list of those of its subject, where the registry has said that it keeps no such list itself: under
 * a tag that is made of the subject's digest. Another client may do so at the same time, and be the last.
 *
 * Source: OCI distribution-spec v1.1, "Pushing Manifests with Subject", "Unavailable Referrers API".
 */
export async function noteReferrer(
  session: Session,
  host: Host,
  about: Pick<Question, 'repository' | 'scope' | 'purpose' | 'patience' | 'signal'>,
  { digest }: Descriptor,
  { subject, entry }: Referrer,
): Promise<void> {
  const { purpose, signal } = about
  const path = `manifests/${subject.digest.replace(':', '-')}`
  const headers = { accept: mediaTypes.ociIndex }
  const answer = await request(session, host, { ...about, method: 'GET', path, headers }, [404])
  const before = answer.status === 404 ? await nothing() : await list()
  if (before.some(other => other.digest === digest)) return
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...before, entry] }
  const body = Buffer.from(JSON.stringify(index))
  const put = { ...about, method: 'PUT', path, headers: { 'content-type': mediaTypes.ociIndex }, body } as const
  await checkKept(await request(session, host, put), digestOf(body), purpose)

  async function nothing(): Promise<readonly { readonly digest: string }[]> {
    await dropBody(answer)
    return []
  }

  /** As they were written: what davit doesn't know stays. */
  async function list(): Promise<readonly { readonly digest: string }[]> {
    const bytes = await readAll(answer.body, maxDocumentBytes).catch(error => {
      signal?.throwIfAborted()
      throw transportError(error, answer.url.host, purpose)
    })
    if (bytes === undefined) throw invalidResponse(answer, purpose, 'has a list of referrers larger than 4 MiB')
    parseIndex(bytes, mediaTypes.ociIndex)
    const { manifests } = JSON.parse(Buffer.from(bytes).toString()) as { manifests: { digest: string }[] | null }
    return manifests ?? []
  }
}
