import type { TotalEvent } from './events.ts'
import { formatBytes } from './format.ts'

/** Where the bytes of a pull came from: `57.5 MB fetched, 7.4 MB resumed, 845 B here already`. */
export function formatSources(total: TotalEvent): string {
  const { downloaded, resumed } = total
  return joined(
    `${formatBytes(downloaded - resumed)} ${wordsOf(total).past}`,
    resumed === 0 ? undefined : `${formatBytes(resumed)} resumed`,
    formatReused(total),
  )
}

export function formatReused(total: TotalEvent): string | undefined {
  return total.reused === 0 ? undefined : `${formatBytes(total.reused)} ${wordsOf(total).place} already`
}

/** What is done to bytes, and where they are then. */
export function wordsOf({ task }: Pick<TotalEvent, 'task'>) {
  return task === 'copy'
    ? ({ present: 'copying', past: 'copied', place: 'there' } as const)
    : ({ present: 'fetching', past: 'fetched', place: 'here' } as const)
}

/** What there is to say, with commas. */
export function joined(...parts: readonly (string | undefined)[]): string {
  return parts.filter(part => part !== undefined).join(', ')
}
