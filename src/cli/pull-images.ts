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
  const snapshotter = await parts.snapshotter()
  return pullImage(
    {
      resolver: await parts.resolver(),
      contentStore: await parts.contentStore(),
      images: await parts.images(),
      leases: await parts.leases(),
      blobMapping: await parts.blobMapping(),
      applier: await parts.applier(),
      ...(snapshotter === undefined ? {} : { snapshotter }),
    },
    reference,
    options,
  )
}
