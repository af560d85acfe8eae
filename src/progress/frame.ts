import type { BlobEvent, UnpackEvent } from './events.ts'
import { formatBytes, formatProgress, formatTimeLeft } from './format.ts'
import type { Picture, PullPicture } from './picture.ts'
import type { Screen } from './renderer.ts'

/** Characters of a digest's hex part that tell layers apart. */
const shortHex = 12

const barColumns = 20

/** A piece of a line and how it looks. */
interface Span {
  readonly text: string
  readonly style?: keyof typeof styles
}

/** SGR codes (ECMA-48). */
const styles = { bold: 1, dim: 2, green: 32, cyan: 36 } as const

/** Lines as they are to stand on the screen, none wider than it; and their widths without colours. */
export interface Frame {
  readonly lines: readonly string[]
  readonly widths: readonly number[]
}

/** The picture as lines: one total, then what is active, as many as fit. */
export function frameOf(picture: Picture, screen: Screen): Frame {
  const now = screen.now()
  const pulls = [...picture.pulls.values()]
  if (pulls.length === 0) return { lines: [], widths: [] }
  const active = pulls.flatMap(pull => activeLines(pull, pulls.length > 1))
  // The cursor stands on the line below the frame.
  const room = Math.max(screen.rows - 2, 0)
  const shown = active.length <= room ? active : active.slice(0, Math.max(room - 1, 0))
  const hidden = active.length - shown.length
  if (hidden > 0 && room > 0) shown.push([{ text: `  and ${hidden} more`, style: 'dim' }])
  // One column stays free: erasing to the end of a full line would take its last character.
  const fitted = [totalLine(picture, pulls, screen, now), ...shown]
    .slice(0, screen.rows - 1)
    .map(line => fit(line, Math.max(screen.columns - 1, 1)))
  return {
    lines: fitted.map(line => line.map(span => paint(span, screen.color)).join('')),
    widths: fitted.map(line => line.reduce((sum, span) => sum + span.text.length, 0)),
  }
}

function totalLine(picture: Picture, pulls: readonly PullPicture[], screen: Screen, now: number): Span[] {
  const sum = { downloaded: 0, toDownload: 0, unpacked: 0, toUnpack: 0 }
  for (const { total } of pulls) {
    if (total === undefined) continue
    sum.downloaded += total.downloaded
    sum.toDownload += total.toDownload
    sum.unpacked += total.unpacked
    sum.toUnpack += total.toUnpack
  }
  const name: Span = {
    text: pulls.length === 1 && pulls[0] ? pulls[0].reference : `${pulls.length} images`,
    style: 'bold',
  }
  const fetching = sum.downloaded < sum.toDownload
  const whole = sum.toDownload + sum.toUnpack
  // Documents come first; how much there is to do is known after them.
  if (!fetching && sum.toUnpack === 0) return [name]

  const rate = fetching ? picture.downloadRate : picture.unpackRate
  const [bytes, total] = fetching ? [sum.downloaded, sum.toDownload] : [sum.unpacked, sum.toUnpack]
  const perSecond = rate.bytesPerSecond(now)
  const leftMs = rate.timeLeftMs(total - bytes, now)
  const fraction = Math.min((sum.downloaded + sum.unpacked) / whole, 1)
  return [
    ...bar(fraction, screen.unicode),
    { text: ` ${String(Math.floor(fraction * 100)).padStart(3)}%` },
    { text: `  ${fetching ? '' : 'unpacked '}${formatProgress(bytes, total)}` },
    ...(perSecond === undefined ? [] : [{ text: `  ${formatBytes(perSecond)}/s`, style: 'dim' } as const]),
    ...(leftMs === undefined || bytes >= total ? [] : [{ text: `  ${formatTimeLeft(leftMs)}` }]),
    { ...name, text: `  ${name.text}` },
  ]
}

function bar(fraction: number, unicode: boolean): Span[] {
  const full = Math.round(fraction * barColumns)
  return [
    { text: (unicode ? '█' : '#').repeat(full), style: 'green' },
    { text: (unicode ? '░' : '.').repeat(barColumns - full), style: 'dim' },
  ]
}

/** A resolve that runs, then a line a layer: what is moving, not what waits or is done. */
function activeLines(pull: PullPicture, isOneOfSeveral: boolean): Span[][] {
  if (pull.resolve?.state === 'started') {
    return [[{ text: isOneOfSeveral ? `  resolving ${pull.reference}` : '  resolving', style: 'dim' }]]
  }
  const blobs = [...pull.blobs.values()].filter(
    ({ state }) => state === 'downloading' || state === 'copying' || state === 'locked',
  )
  const fetched = new Set(blobs.map(blob => blob.digest))
  const unpacks = [...pull.unpacks.values()].filter(
    ({ state, digest }) => state === 'unpacking' && !fetched.has(digest),
  )
  return [...blobs, ...unpacks].map(activeLine)
}

function activeLine(event: BlobEvent | UnpackEvent): Span[] {
  const hex = event.digest.slice(event.digest.indexOf(':') + 1)
  const state = event.state === 'locked' ? 'waiting for another process' : event.state.padEnd(11)
  const amount = event.state === 'locked' ? '' : `  ${formatProgress(event.offset, event.total)}`
  return [
    { text: `  ${hex.slice(0, shortHex)}`, style: 'cyan' },
    { text: `  ${state}` },
    { text: amount, style: 'dim' },
  ]
}

function fit(line: readonly Span[], columns: number): Span[] {
  let left = columns
  return line.map(span => {
    const text = span.text.slice(0, left)
    left -= text.length
    return { ...span, text }
  })
}

function paint({ text, style }: Span, color: boolean): string {
  return color && style !== undefined && text !== '' ? `\x1b[${styles[style]}m${text}\x1b[0m` : text
}
