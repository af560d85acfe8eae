import type { OnProgress, ProgressEvent, TotalEvent, UnpackEvent } from '../progress/events.ts'
import { blobEvent, type Jobs } from './jobs.ts'

/** How often statuses are sent, at most. */
const CADENCE_MS = 150

/** The layers' way from blob to snapshot, as `unpack` keeps it up to date. */
export type UnpackStates = ReadonlyMap<number, UnpackEvent>

export interface Watched {
  readonly reference: string
  readonly jobs: Jobs
  readonly unpacking: UnpackStates
  /** Without it, a pull. */
  readonly task?: 'copy'
}

/**
 * Sends what changed in `watched`, every {@link CADENCE_MS}, until the end is told: then everything once more, so that
 * the last status of each subject is always seen.
 */
export function watch(watched: Watched, send: OnProgress): { end(outcome: 'done' | 'failed'): void } {
  const last = new Map<string, string>()

  function sendChanged(state: TotalEvent['state']): void {
    for (const event of statuses(watched, state)) {
      const key = subject(event)
      const text = JSON.stringify(event)
      if (last.get(key) === text) continue
      last.set(key, text)
      send(event)
    }
  }

  const timer = setInterval(sendChanged, CADENCE_MS, 'running')
  timer.unref()
  return {
    end(outcome) {
      clearInterval(timer)
      sendChanged(outcome)
    },
  }
}

function subject(event: ProgressEvent): string {
  if (event.type === 'unpack') return `unpack ${event.chainId}`
  return event.type === 'blob' ? `blob ${event.digest}` : event.type
}

function statuses({ reference, jobs, unpacking, task }: Watched, state: TotalEvent['state']): ProgressEvent[] {
  const blobs = jobs.all()
  const layers = [...unpacking.values()]
  const missing = blobs.filter(job => job.state !== 'exists')
  const present = blobs.filter(job => job.state === 'exists')
  const total: TotalEvent = {
    type: 'total',
    reference,
    state,
    ...(task === undefined ? {} : { task }),
    downloaded: sum(missing.map(job => job.offset)),
    toDownload: sum(missing.map(job => job.descriptor.size)),
    resumed: sum(missing.map(job => job.resumed)),
    unpacked: sum(layers.map(layer => layer.offset)),
    toUnpack: sum(layers.map(layer => layer.total)),
    reused: sum(present.map(job => job.descriptor.size)),
  }
  return [...blobs.map(job => blobEvent(reference, job)), ...layers, total]
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
