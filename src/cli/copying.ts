import { type Copied, copyImage } from '../copy/copy.ts'
import { ImageError } from '../errors.ts'
import type { Parts } from '../parts.ts'
import type { RendererName } from '../progress/index.ts'
import type { Fetcher } from '../registry/registry.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import type { Context } from './context.ts'
import { pullFlags, registryFlags } from './flags.ts'
import { formatJson } from './table.ts'
import { watched } from './watch.ts'

/** For commands that bring something to a registry. */
export const copyFlags = { ...registryFlags, progress: pullFlags.progress } as const

/** What is to be copied. */
export interface Original {
  readonly root: Descriptor
  readonly fetcher: Fetcher
  readonly mountFrom?: (blob: Descriptor) => Promise<string | undefined>
}

export interface CopyToOptions {
  readonly progress: RendererName | 'auto' | undefined
  readonly json: boolean
}

/** Copies to a reference, and prints what is there then. Errors: those of `copyImage`; INVALID_ARGUMENT. */
export async function copyTo(
  context: Context,
  parts: Parts,
  { root, fetcher, ...original }: Original,
  destination: Reference,
  { progress, json }: CopyToOptions,
): Promise<void> {
  const { digest = root.digest, tag } = destination
  if (digest !== root.digest) throw otherDigest(destination, root)
  const name = formatReference(destination)
  const pusher = await (await parts.resolver()).pusher(destination)
  const { signal } = context
  const bytes = await watched(context, progress, onProgress =>
    copyImage({ fetcher, pusher }, root, { tag, name, ...original, signal, onProgress }),
  )
  const ref = formatReference({ ...destination, digest })
  await context.write(json ? copiedJson(name, root, bytes) : `${ref}\n`)
}

function copiedJson(ref: string, { digest, mediaType }: Descriptor, bytes: Copied): string {
  return formatJson({ ref, digest, mediaType, bytes })
}

function otherDigest(destination: Reference, { digest }: Descriptor): ImageError {
  const value = formatReference(destination)
  const message = `Cannot copy to ${value}: the image has the digest ${digest}`
  const hint = 'give the destination a tag instead, or none'
  return new ImageError('INVALID_ARGUMENT', message, { argument: 'dest', value }, { hint })
}
