import type { BlobEvent, OnProgress } from '../progress/events.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'
import { kindOf } from '../spec/media-types.ts'

/** One blob that the pull needs: what it is, how far it is, and when it is there. */
export interface Job {
  readonly descriptor: Descriptor
  state: BlobEvent['state']
  /** Bytes in the ingest. */
  offset: number
  /** Bytes that an earlier run had left. */
  resumed: number
  /** Bytes that came over the network. */
  fetched: number
  startedAt?: Date
  completedAt?: Date
  /** Resolves when the blob is verified and committed. */
  ready?: Promise<void>
}

/** Everything that a pull has met, by digest, in the order in which it met it. */
export class Jobs {
  readonly #jobs = new Map<Digest, Job>()

  add(descriptor: Descriptor): Job {
    const known = this.#jobs.get(descriptor.digest)
    if (known !== undefined) return known
    const job: Job = { descriptor, state: 'waiting', offset: 0, resumed: 0, fetched: 0 }
    this.#jobs.set(descriptor.digest, job)
    return job
  }

  get(digest: Digest): Job | undefined {
    return this.#jobs.get(digest)
  }

  all(): Job[] {
    return [...this.#jobs.values()]
  }
}

export function blobEvent(reference: string, job: Job): BlobEvent {
  const { descriptor, state, offset, startedAt, completedAt } = job
  return {
    type: 'blob',
    reference,
    digest: descriptor.digest,
    kind: kindOf(descriptor.mediaType),
    state,
    offset,
    total: descriptor.size,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(completedAt === undefined ? {} : { completedAt }),
  }
}

/** Tells `onProgress` what is lost on the way of a reference. */
export function warningsTo(onProgress: OnProgress | undefined, reference: string): (message: string) => void {
  const send = quietly(onProgress)
  return message => send({ type: 'warning', reference, message })
}

/** Calls `onProgress` so that nothing it does can reach the pull. */
export function quietly(onProgress: OnProgress | undefined): OnProgress {
  return event => {
    try {
      onProgress?.(event)
    } catch {
      // Watching can't change the outcome: see OnProgress.
    }
  }
}
