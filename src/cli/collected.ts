import { counted, formatBytes } from '../progress/format.ts'
import { formatPlatform } from '../spec/platform.ts'
import type { Pruned } from '../store/gc/prune.ts'
import type { Collected } from '../store/gc/sweep.ts'
import { formatJson } from './table.ts'

/** What a collection freed, or would free, in a line. */
export function collectedLine({ blobs, snapshots, ingests, bytes }: Collected, dryRun: boolean): string {
  const counts = [
    counted(blobs.length, 'blob'),
    counted(snapshots.length, 'snapshot'),
    counted(ingests.length, 'partial download'),
  ]
  return `${dryRun ? 'would free' : 'freed'} ${formatBytes(bytes)}: ${counts.join(', ')}\n`
}

/** The images that went, or would go, a line each. */
export function prunedLines({ images }: Pick<Pruned, 'images'>): string {
  return images.map(({ reference, platform }) => `${reference} ${formatPlatform(platform)}\n`).join('')
}

export function collectedJson(collected: Collected & Partial<Pruned>, dryRun: boolean): string {
  const { images, kept, blobs, snapshots, ingests, bytes } = collected
  const gone = images?.map(({ reference, platform, target }) => {
    return { ref: reference, platform: formatPlatform(platform), digest: target.digest }
  })
  return formatJson({ dryRun, images: gone, blobs, snapshots, ingests, bytes, kept })
}
