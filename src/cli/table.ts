import { counted, printable } from '../progress/format.ts'

/** Two spaces tell columns apart. */
const gap = '  '

/**
 * Rows in columns, for people; programs ask for JSON. The last column isn't padded.
 *
 * Shape: the first row is the head; a table without others is just that.
 */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map(row => row.map(printable))
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map(row => row[column]?.length ?? 0)))
  return cells
    .map(
      row =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join(gap)
          .trimEnd()}\n`,
    )
    .join('')
}

/** `2 minutes ago`, as lists show it. */
export function formatAgo(then: Date, now: Date): string {
  const minutes = Math.floor((now.getTime() - then.getTime()) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${counted(minutes, 'minute')} ago`
  if (minutes < 48 * 60) return `${counted(Math.floor(minutes / 60), 'hour')} ago`
  return `${counted(Math.floor(minutes / (24 * 60)), 'day')} ago`
}

export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

/** `name  value` a line; a list has a line each under its name; what is undefined or empty isn't shown. */
export function formatFields(fields: Readonly<Record<string, string | readonly string[] | undefined>>): string {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined && value.length > 0)
  const width = Math.max(0, ...shown.map(([name]) => name.length))
  return shown
    .flatMap(([name, value]) => [value ?? ''].flat().map((text, line) => [line === 0 ? name : '', text] as const))
    .map(([name, text]) => `${name.padEnd(width)}${gap}${printable(text)}\n`)
    .join('')
}

/** Enough of a digest to tell things apart; programs get the whole one. */
export function shortDigest(digest: string): string {
  return digest.slice(0, digest.indexOf(':') + 13)
}
