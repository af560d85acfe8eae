import type { Parts } from '../parts.ts'
import type { OnProgress } from '../progress/events.ts'
import { warningsTo } from '../pull/jobs.ts'
import type { PulledImage, PullOptions } from '../pull/pull.ts'
import { formatReference, type Reference } from '../spec/reference.ts'

/** `pullImage` with the parts that the settings name. Loaded now: help and completion don't need it. */
export async function pullWith(
  parts: Parts,
  reference: Reference,
  options: PullOptions & { readonly onProgress: OnProgress },
): Promise<PulledImage> {
  const { pullImage } = await import('../pull/pull.ts')
  const onWarning = warningsTo(options.onProgress, formatReference(reference))
  return pullImage(await parts.forPull(onWarning), reference, options)
}
