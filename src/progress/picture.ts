import type { Digest } from '../spec/digest.ts'
import type { BlobEvent, ProgressEvent, ResolveEvent, TotalEvent, UnpackEvent } from './events.ts'
import { Rate } from './rate.ts'

/** The newest state of everything, a reference at a time, in the order in which references were first heard of. */
export class Picture {
  readonly pulls = new Map<string, PullPicture>()
  readonly downloadRate = new Rate()
  readonly unpackRate = new Rate()

  /** Takes `event` in and gives back what is known of its reference. */
  see(event: ProgressEvent, now: number): PullPicture {
    const pull = this.pulls.get(event.reference) ?? newPull(event.reference, now)
    // A warning alone is no pull.
    if (event.type === 'warning') return pull
    this.pulls.set(event.reference, pull)
    switch (event.type) {
      case 'resolve':
        pull.resolve = event
        if (event.state === 'failed') this.forget(event.reference)
        break
      case 'blob':
        pull.blobs.set(event.digest, event)
        break
      case 'unpack':
        pull.unpacks.set(event.digest, event)
        break
      case 'total':
        // Where a pull starts is not what it moved: a resumed one begins far in.
        if (pull.total !== undefined) {
          this.downloadRate.add(Math.max(event.downloaded - pull.total.downloaded, 0), now)
          this.unpackRate.add(Math.max(event.unpacked - pull.total.unpacked, 0), now)
        }
        pull.total = event
        break
    }
    return pull
  }

  /** A finished pull is history. The next one of its reference (another platform) begins a new picture. */
  forget(reference: string): void {
    this.pulls.delete(reference)
  }
}

export interface PullPicture {
  readonly reference: string
  /** When it was first heard of, in the screen's milliseconds. */
  readonly since: number
  readonly blobs: Map<Digest, BlobEvent>
  readonly unpacks: Map<Digest, UnpackEvent>
  resolve?: ResolveEvent
  total?: TotalEvent
}

function newPull(reference: string, since: number): PullPicture {
  return { reference, since, blobs: new Map(), unpacks: new Map() }
}
