import type { ProgressEvent, TotalEvent } from './events.ts'
import { counted, formatBytes, formatDuration, formatProgress, formatTimeLeft, printable } from './format.ts'
import { Picture, type PullPicture } from './picture.ts'
import type { Rate } from './rate.ts'
import type { Renderer, Screen } from './renderer.ts'
import { formatReused, formatSources, joined, wordsOf } from './summary.ts'

/** A long phase says that it lives; a log doesn't need it oftener. */
const heartbeatMs = 10_000

/** A line a phase, for logs: no control codes, nothing redrawn. */
export function plain(screen: Screen): Renderer {
  const picture = new Picture()
  const phases = new WeakMap<PullPicture, Phase>()

  function say(pull: PullPicture, text: string): void {
    screen.write(`${printable(`${pull.reference}: ${text}`)}\n`)
  }

  return {
    show(event: ProgressEvent) {
      const now = screen.now()
      const pull = picture.see(event, now)
      if (event.type === 'warning') say(pull, `warning: ${event.message}`)
      if (event.type === 'resolve' && event.state === 'done') say(pull, `resolved ${event.digest ?? ''}`.trimEnd())
      if (event.type === 'blob' && event.state === 'locked') say(pull, `waiting for another process at ${event.digest}`)
      if (event.type !== 'total') return

      const before = phases.get(pull)
      const name = phaseOf(event, pull)
      const due = before === undefined || before.name !== name || now - before.saidAt >= heartbeatMs
      if (due) {
        const text = before?.name === name ? heartbeat(name, picture, event, now) : announcement(name, pull, event, now)
        if (text !== undefined) say(pull, text)
        phases.set(pull, { name, saidAt: now })
      }
      if (event.state !== 'running') picture.forget(event.reference)
    },
    end() {},
  }
}

interface Phase {
  readonly name: PhaseName
  readonly saidAt: number
}

type PhaseName = 'fetching' | 'unpacking' | 'idle' | 'done' | 'failed'

function phaseOf(total: TotalEvent, pull: PullPicture): PhaseName {
  if (total.state !== 'running') return total.state
  // Documents alone are no phase: it begins when they have said what there is to fetch.
  if (total.downloaded < total.toDownload) return layersOf(pull).length > 0 ? 'fetching' : 'idle'
  return total.unpacked < total.toUnpack ? 'unpacking' : 'idle'
}

function layersOf(pull: PullPicture) {
  return [...pull.blobs.values()].filter(blob => blob.kind === 'layer')
}

function announcement(phase: PhaseName, pull: PullPicture, total: TotalEvent, now: number): string | undefined {
  switch (phase) {
    case 'fetching': {
      const count = layersOf(pull).filter(layer => layer.state !== 'exists').length
      const layers = count === 0 ? undefined : counted(count, 'layer')
      return `${wordsOf(total).present} ${joined(layers, formatBytes(total.toDownload), formatReused(total))}`
    }
    case 'unpacking':
      return `unpacking ${formatBytes(total.toUnpack)}`
    case 'done':
      return `done in ${formatDuration(now - pull.since)}, ${formatSources(total)}`
    // The error line says it.
    case 'failed':
    case 'idle':
      return undefined
  }
}

function heartbeat(phase: PhaseName, picture: Picture, total: TotalEvent, now: number): string | undefined {
  switch (phase) {
    case 'fetching':
      return `${wordsOf(total).past} ${advance(picture.downloadRate, total.downloaded, total.toDownload, now)}`
    case 'unpacking':
      return `unpacked ${advance(picture.unpackRate, total.unpacked, total.toUnpack, now)}`
    case 'idle':
    case 'done':
    case 'failed':
      return undefined
  }
}

function advance(rate: Rate, bytes: number, total: number, now: number): string {
  const perSecond = rate.bytesPerSecond(now)
  const leftMs = rate.timeLeftMs(total - bytes, now)
  return joined(
    formatProgress(bytes, total),
    perSecond === undefined ? undefined : `${formatBytes(perSecond)}/s`,
    leftMs === undefined ? undefined : formatTimeLeft(leftMs),
  )
}
