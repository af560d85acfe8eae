import { closeSync, openSync } from 'node:fs'
import { errnoOf, ImageError } from '../errors.ts'
import { MOUNT_ATTR_RDONLY, MS_RDONLY, O_DIRECTORY, O_PATH } from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'
import type { MountOption } from '../system/sys/sys.ts'
import type { Mount } from './mounts.ts'

/** The kernel's own bound on lower layers (OVL_MAX_STACK). */
const MAX_LOWER_LAYERS = 500
/** mount(2) takes one page of options, its NUL included, and cuts longer ones without a word. */
const MAX_DATA_BYTES = 4095
/** fsconfig(2) refuses longer strings. */
export const MAX_OPTION_BYTES = 255

/** The directories that an overlay's options name, unescaped. */
export interface OverlayDirectories {
  /** Nearest first. */
  readonly lower: readonly string[]
  /** Absent when read-only. */
  readonly upper?: string
  readonly work?: string
}

/** The options that name `directories`, with `:` and `\` of the lower ones escaped as overlayfs reads them. */
export function formatOverlay({ lower, upper, work }: OverlayDirectories): readonly string[] {
  const lowerdir = `lowerdir=${lower.map(path => path.replace(/[\\:]/g, '\\$&')).join(':')}`
  return upper === undefined || work === undefined ? [lowerdir] : [`workdir=${work}`, `upperdir=${upper}`, lowerdir]
}

/** What `formatOverlay` wrote. */
export function parseOverlay(options: readonly string[]): OverlayDirectories {
  const settingOf = (key: string) => options.find(option => option.startsWith(`${key}=`))?.slice(key.length + 1)
  const escaped = settingOf('lowerdir')?.match(/(?:\\.|[^\\:])+/g) ?? []
  const lower = escaped.map(path => path.replace(/\\(.)/g, '$1'))
  const [upper, work] = [settingOf('upperdir'), settingOf('workdir')]
  return upper === undefined || work === undefined ? { lower } : { lower, upper, work }
}

/**
 * Mounts an overlay of up to 500 lower layers, however long their paths.
 *
 * Errors: UNSUPPORTED past 500 layers; the kernel's own.
 */
export function mountOverlay(mount: Mount, target: string): void {
  const directories = parseOverlay(mount.options)
  const count = directories.lower.length
  if (count > MAX_LOWER_LAYERS) {
    const extras = { hint: 'the snapshotter native has no such bound' }
    const line = `Cannot mount ${count} layers as an overlay: the kernel takes ${MAX_LOWER_LAYERS}`
    throw new ImageError('UNSUPPORTED', line, { what: 'layers' }, extras)
  }
  const others = mount.options.filter(option => !/^(lowerdir|upperdir|workdir)=|^r[ow]$/.test(option))
  const data = [...others, ...formatOverlay(directories)].join(',')
  const readOnly = mount.options.includes('ro')
  if (pathsOf(directories).every(isPlain) && Buffer.byteLength(data) <= MAX_DATA_BYTES) {
    openSys().mount(mount.source, target, 'overlay', readOnly ? MS_RDONLY : 0, data)
  } else {
    mountLong(directories, others, target, { source: mount.source, readOnly })
  }
}

/** One option a layer, which Linux ≥6.8 takes; else mount(2) with descriptors for paths, which are short. */
function mountLong(
  { lower, upper, work }: OverlayDirectories,
  others: readonly string[],
  target: string,
  { source, readOnly }: { readonly source: string; readonly readOnly: boolean },
): void {
  const sys = openSys()
  const descriptors: number[] = []
  const byDescriptor = (path: string) => {
    const fd = openSync(path, O_PATH | O_DIRECTORY)
    descriptors.push(fd)
    return `/proc/self/fd/${fd}`
  }
  const fitting = (path: string) =>
    isPlain(path) && Buffer.byteLength(path) <= MAX_OPTION_BYTES ? path : byDescriptor(path)
  try {
    const settings: MountOption[] = [
      ...others.map(splitOption),
      ['source', Buffer.byteLength(source) <= MAX_OPTION_BYTES ? source : 'overlay'],
      ...lower.map((path): MountOption => ['lowerdir+', fitting(path)]),
    ]
    if (upper !== undefined && work !== undefined) {
      settings.push(['upperdir', fitting(upper)], ['workdir', fitting(work)])
    }
    try {
      sys.mountWith('overlay', settings, target, readOnly ? MOUNT_ATTR_RDONLY : 0)
    } catch (error) {
      if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'ENOSYS') throw error
      const shortened = { lower: lower.map(byDescriptor) }
      const above = upper && work ? { upper: byDescriptor(upper), work: byDescriptor(work) } : {}
      const data = [...others, ...formatOverlay({ ...shortened, ...above })].join(',')
      if (data.length > MAX_DATA_BYTES) throw error
      sys.mount(source, target, 'overlay', readOnly ? MS_RDONLY : 0, data)
    }
  } finally {
    for (const fd of descriptors) closeSync(fd)
  }
}

function pathsOf({ lower, upper = '', work = '' }: OverlayDirectories): readonly string[] {
  return [...lower, upper, work]
}

/** Without characters that overlayfs or mount(2) read as punctuation: kernels differ in how those are escaped. */
function isPlain(path: string): boolean {
  return !/[\\:,]/.test(path)
}

function splitOption(option: string): MountOption {
  const at = option.indexOf('=')
  return at === -1 ? [option] : [option.slice(0, at), option.slice(at + 1)]
}
