import { readFileSync } from 'node:fs'
import { errnoOf } from '../errors.ts'

/** One mount of this process's mount namespace; those of other namespaces, containers' say, are not seen. */
export interface MountEntry {
  /** `major:minor` of the file system. */
  readonly device: string
  /** What of the file system is shown: a path in it, `/` unless a bind mount. */
  readonly root: string
  /** Where: the mount point. */
  readonly point: string
  readonly type: string
  /** What whoever mounted it called its source. */
  readonly source: string
}

/** Every mount, oldest first. Source: proc_pid_mountinfo(5). */
export function readMountTable(): readonly MountEntry[] {
  return readFileSync('/proc/self/mountinfo', 'latin1').split('\n').slice(0, -1).map(parseEntry)
}

/** The mounts that show something of `directory` elsewhere, or something else in it. */
export function mountsOf(directory: string, table = readMountTable()): readonly MountEntry[] {
  const home = table.findLast(entry => isWithin(directory, entry.point))
  const shown =
    home === undefined ? undefined : join(home.root, directory.slice(home.point === '/' ? 0 : home.point.length))
  return table.filter(
    entry =>
      isWithin(entry.point, directory) ||
      isWithin(fileOf(entry), directory) ||
      (shown !== undefined && entry.device === home?.device && isWithin(entry.root, shown)),
  )
}

/** What was mounted: for a loop device the file behind it. */
function fileOf({ source }: MountEntry): string {
  const [, device] = /^\/dev\/(loop\d+)$/.exec(source) ?? []
  if (device === undefined) return source
  try {
    return readFileSync(`/sys/block/${device}/loop/backing_file`, 'utf8').trimEnd()
  } catch (error) {
    // Let go of by now, or no sysfs here.
    if (errnoOf(error) === 'ENOENT') return source
    throw error
  }
}

/** The mount points in `directory`, innermost first: the order in which they can be unmounted. */
export function mountPointsIn(directory: string): readonly string[] {
  const points = readMountTable().map(entry => entry.point)
  return points.filter(point => isWithin(point, directory)).reverse()
}

function parseEntry(line: string): MountEntry {
  const [, , device = '', root = '', point = '', ...rest] = line.split(' ')
  // Optional fields of any number end with a lone dash.
  const [type = '', source = ''] = rest.slice(rest.indexOf('-') + 1)
  return { device, root: unescapeField(root), point: unescapeField(point), type, source: unescapeField(source) }
}

/** Space, tab, newline and backslash stand as octal escapes; everything else is bytes. */
function unescapeField(field: string): string {
  const bytes = field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
  return Buffer.from(bytes, 'latin1').toString()
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || directory === '/' || path.startsWith(`${directory}/`)
}

function join(root: string, rest: string): string {
  return root === '/' ? rest || '/' : root + rest
}
