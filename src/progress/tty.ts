import type { TotalEvent } from './events.ts'
import { formatDuration, printable } from './format.ts'
import { frameOf } from './frame.ts'
import { Picture } from './picture.ts'
import type { Renderer, Screen } from './renderer.ts'
import { formatSources } from './summary.ts'

/** Eyes don't need more, and terminals behind slow links mustn't get more. */
const redrawMs = 100

/** Without events the rate still falls. */
const idleRedrawMs = 1_000

/** Columns don't wrap while a frame is drawn: a line too wide for what the terminal thinks is cut, not broken. */
const wrapOff = '\x1b[?7l'
const wrapOn = '\x1b[?7h'
const clearToLineEnd = '\x1b[K'
const clearToScreenEnd = '\x1b[J'

/** A frame at the cursor, redrawn in place; finished pulls and warnings scroll away above it. */
export function tty(screen: Screen): Renderer {
  const picture = new Picture()
  let drawnAt = Number.NEGATIVE_INFINITY
  let drawnWidths: readonly number[] = []
  let dirty = false
  let history = ''

  function toFrameTop(): string {
    // A terminal made narrower since has broken the lines drawn before.
    const rows = drawnWidths.reduce((sum, width) => sum + Math.max(Math.ceil(width / screen.columns), 1), 0)
    return rows === 0 ? '' : `\x1b[${rows}A\r`
  }

  function draw(): void {
    const frame = frameOf(picture, screen)
    const lines = frame.lines.map(line => `${line}${clearToLineEnd}\n`).join('')
    screen.write(`${toFrameTop()}${history}${wrapOff}${lines}${clearToScreenEnd}${wrapOn}`)
    drawnWidths = frame.widths
    drawnAt = screen.now()
    history = ''
    dirty = false
  }

  const timer = setInterval(() => {
    const since = screen.now() - drawnAt
    if ((dirty && since >= redrawMs) || (picture.pulls.size > 0 && since >= idleRedrawMs)) draw()
  }, redrawMs)
  timer.unref()

  return {
    show(event) {
      const now = screen.now()
      const pull = picture.see(event, now)
      if (event.type === 'warning')
        history += `${printable(`${event.reference}: warning: ${event.message}`)}${clearToLineEnd}\n`
      if (event.type === 'total' && event.state !== 'running') {
        if (event.state === 'done') history += `${epitaph(event, now - pull.since)}${clearToLineEnd}\n`
        picture.forget(event.reference)
      }
      dirty = true
      if (now - drawnAt >= redrawMs) draw()
    },
    end() {
      clearInterval(timer)
      if (drawnWidths.length > 0 || history !== '') screen.write(`${toFrameTop()}${history}${clearToScreenEnd}`)
      drawnWidths = []
      history = ''
    },
  }
}

/** What stays on the screen of a pull. */
function epitaph(total: TotalEvent, ms: number): string {
  return `${total.reference}: ${formatSources(total)}, ${formatDuration(ms)}`
}
