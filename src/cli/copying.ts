import { added, copyImage } from '../copy/copy.ts'
import { copyReferrers } from '../copy/referrers.ts'
import { ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import type { RendererName } from '../progress/index.ts'
import type { Fetcher } from '../registry/registry.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import type { Context } from './context.ts'
import { type Called, openDestination, type Place } from './destination.ts'
import { pullFlags, registryFlags } from './flags.ts'
import { formatJson } from './table.ts'
import { watched } from './watch.ts'

/** For commands that hand images on. */
export const copyFlags = { ...registryFlags, progress: pullFlags.progress } as const

/** What is to be copied. */
export interface Original {
  readonly root: Descriptor
  readonly fetcher: Fetcher
  /** What it is called where it is, for places that don't say. */
  readonly called?: Called
  /** What refers to an image where it is; without it, none of that is copied. */
  readonly referrers?: (digest: Digest) => Promise<readonly Descriptor[]>
  readonly mountFrom?: (blob: Descriptor) => Promise<string | undefined>
}

export interface CopyToOptions {
  readonly progress: RendererName | 'auto' | undefined
  readonly json: boolean
}

/** Copies to a place, and prints what is there then. Errors: those of `copyImage` and of the place; INVALID_ARGUMENT. */
export async function copyTo(
  context: Context,
  parts: Parts,
  { root, fetcher, called = {}, mountFrom, referrers }: Original,
  place: Place,
  { progress, json }: CopyToOptions,
): Promise<void> {
  if ('reference' in place && (place.reference.digest ?? root.digest) !== root.digest)
    throw otherDigest(place.reference, root)
  const { signal } = context
  const { name, pusher, ...destination } = await openDestination(parts, place, called)
  try {
    const options = { tag: destination.tag, name, ...(mountFrom === undefined ? {} : { mountFrom }), signal }
    const bytes = await watched(context, progress, async onProgress => {
      const copied = await copyImage({ fetcher, pusher }, root, { ...options, onProgress })
      if (referrers === undefined) return copied
      const { tag: _, ...untagged } = options
      const more = await copyReferrers({ fetcher, pusher, referrers }, root, { ...untagged, onProgress })
      return added(copied, more)
    })
    const { digest, mediaType } = (await destination.end()) ?? root
    const isNamed = 'reference' in place && place.reference.digest !== undefined
    await context.write(
      json ? formatJson({ ref: name, digest, mediaType, bytes }) : `${isNamed ? name : `${name}@${digest}`}\n`,
    )
  } finally {
    await destination.close()
  }
}

function otherDigest(destination: Reference, { digest }: Descriptor): ImageError {
  const value = formatReference(destination)
  const message = `Cannot copy to ${value}: the image has the digest ${digest}`
  const hint = 'give the destination a tag instead, or none'
  return new ImageError('INVALID_ARGUMENT', message, { argument: 'dest', value }, { hint })
}
