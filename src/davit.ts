import { defaults, type Settings } from './defaults.ts'
import { openParts } from './parts.ts'
import { warningsTo } from './pull/jobs.ts'
import { type PulledImage, type PullOptions, pullImage } from './pull/pull.ts'
import { formatReference, parseReference, type Reference } from './spec/reference.ts'

/**
 * Pulls an image by its name, as people type it, and closes everything again.
 *
 * `pull('alpine')` is `pull('alpine', defaults(process.env))`. For several images open the parts once: `openParts`.
 *
 * Errors: INVALID_ARGUMENT for the name; else those of `pullImage`.
 */
export async function pull(
  name: string | Reference,
  options: PullOptions & Partial<Settings> = {},
): Promise<PulledImage> {
  const reference = typeof name === 'string' ? parseReference(name) : name
  const parts = openParts({ ...defaults(), ...options })
  try {
    const onWarning = warningsTo(options.onProgress, formatReference(reference))
    return await pullImage(await parts.forPull(onWarning), reference, options)
  } finally {
    await parts.close()
  }
}
