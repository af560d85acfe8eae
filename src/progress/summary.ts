import type { TotalEvent } from './events.ts'
import { formatBytes } from './format.ts'

/** Where the bytes of a pull came from: `57.5 MB fetched, 7.4 MB resumed, 845 B here already`. */
export function formatSources({ downloaded, resumed, reused }: TotalEvent): string {
  return joined(
    `${formatBytes(downloaded - resumed)} fetched`,
    resumed === 0 ? undefined : `${formatBytes(resumed)} resumed`,
    formatReused(reused),
  )
}

export function formatReused(reused: number): string | undefined {
  return reused === 0 ? undefined : `${formatBytes(reused)} here already`
}

/** What there is to say, with commas. */
export function joined(...parts: readonly (string | undefined)[]): string {
  return parts.filter(part => part !== undefined).join(', ')
}
