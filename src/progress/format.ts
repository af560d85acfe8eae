/** Decimal units, as registries and disks are sold in. */
const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** `0 B`, `999 B`, `1.2 kB`, `52.4 MB`, `120 MB`: three digits are enough for people. */
export function formatBytes(bytes: number): string {
  const unit = unitOf(bytes)
  return `${inUnit(bytes, unit)} ${byteUnits[unit]}`
}

/** `22.1 / 52.4 MB`: both in the unit of the larger one, so that the eye compares numbers only. */
export function formatProgress(bytes: number, total: number): string {
  const unit = unitOf(Math.max(bytes, total))
  return `${inUnit(bytes, unit)} / ${inUnit(total, unit)} ${byteUnits[unit]}`
}

/** `0.4s`, `12s`, `1m 04s`, `2h 03m`. */
export function formatDuration(ms: number): string {
  if (ms < 9_950) return `${(Math.max(ms, 0) / 1000).toFixed(1)}s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)}h ${pad(minutes % 60)}m`
}

/** Time left, in whole seconds: tenths would flicker. */
export function formatTimeLeft(ms: number): string {
  return `${formatDuration(Math.max(Math.ceil(ms / 1000) * 1000, 1000)).replace(/\.0s$/, 's')} left`
}

/**
 * `text` on one line, without anything that a terminal obeys: names and messages come from registries and archives.
 *
 * C0, DEL, C1 and the Unicode separators of lines; bidirectional overrides too, which can show one name as another.
 */
export function printable(text: string): string {
  return text
    .replace(/[\t\n\v\f\r\u2028\u2029]+/g, ' ')
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '')
}

function unitOf(bytes: number): number {
  let unit = 0
  // 999.5 kB would round to "1000 kB".
  while (bytes / 1000 ** unit >= 999.5 && unit < byteUnits.length - 1) unit++
  return unit
}

function inUnit(bytes: number, unit: number): string {
  const value = bytes / 1000 ** unit
  return value.toFixed(unit === 0 || value >= 99.95 ? 0 : 1)
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}

/** `1 blob`, `2 blobs`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
