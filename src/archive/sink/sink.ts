import type { Fetcher, PushBlobOptions, Pusher } from '../../registry/registry.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import { mediaTypes } from '../../spec/media-types.ts'
import { judge, openVerifier } from '../../store/content/verify.ts'
import { descriptorJson } from '../../store/descriptor-json.ts'
import { REF_NAME } from '../../store/oci-index.ts'

/**
 * A file or directory that images are copied into, as into a repository. Blobs are what their digests say, or the copy
 * fails. Whoever opened it ends it once all is there, and closes it in any case.
 */
export interface Sink extends Pusher {
  /** All is there: gives it its name. Answers what the image is there, if that isn't what was copied. */
  end(): Promise<Descriptor | undefined>
  /** Lets go of it; what wasn't ended is gone, or invisible. */
  close(): Promise<void>
}

export const layoutText = '{"imageLayoutVersion":"1.0.0"}'

/**
 * Hands the bytes of `descriptor` to `write`, one piece after the other.
 *
 * Errors: those of `content`; SIZE_MISMATCH, DIGEST_MISMATCH when all is written.
 */
export async function receive(
  content: Pick<Fetcher, 'fetch'>,
  descriptor: Descriptor,
  options: PushBlobOptions,
  write: (piece: Uint8Array) => Promise<unknown>,
): Promise<void> {
  const { signal } = options
  const download = await content.fetch(descriptor, signal === undefined ? {} : { signal })
  for await (const piece of received(download, descriptor, options)) {
    await write(piece)
    download.reuse(piece.buffer as ArrayBuffer)
  }
}

/** Passes on what is the content of `descriptor`. Errors: as {@link receive}, after the last piece. */
export async function* received(
  download: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  { onOffset, signal }: PushBlobOptions,
): AsyncGenerator<Uint8Array> {
  const verifier = openVerifier(descriptor)
  let offset = 0
  for await (const piece of download) {
    signal?.throwIfAborted()
    verifier.update(piece)
    yield piece
    offset += piece.length
    onOffset?.(offset)
  }
  judge(descriptor, verifier.verdict())
}

/** `index.json` of a layout. A name stands for one image: what had the tag before has it no more. */
export function formatIndex(
  before: readonly Descriptor[],
  { mediaType, digest, size, platform }: Descriptor,
  tag: string,
): string {
  const others = before.filter(({ annotations }) => annotations?.[REF_NAME] !== tag)
  const own = { mediaType, digest, size, annotations: { [REF_NAME]: tag } }
  const manifests = [...others, platform === undefined ? own : { ...own, platform }].map(descriptorJson)
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests })
}
