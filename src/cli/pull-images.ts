import type { Parts } from '../parts.ts'
import type { OnProgress } from '../progress/events.ts'
import type { PulledImage, PullOptions } from '../pull/pull.ts'
import type { Reference } from '../spec/reference.ts'

/** `pullImage` with the parts that the settings name. Loaded now: help and completion don't need it. */
export async function pullWith(
  parts: Parts,
  reference: Reference,
  options: PullOptions & { readonly onProgress: OnProgress },
): Promise<PulledImage> {
  const { pullImage } = await import('../pull/pull.ts')
  return pullImage(await parts.forPull(), reference, options)
}
