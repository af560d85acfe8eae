import { closeSync, fstatSync, openSync, realpathSync, statSync } from 'node:fs'
import { errnoOf, ImageError } from '../errors.ts'
import {
  MNT_DETACH,
  MS_BIND,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  UMOUNT_NOFOLLOW,
} from '../system/sys/constants.ts'
import { openSys } from '../system/sys/linux.ts'
import { mountErofs } from './erofs-mount.ts'
import { readMountTable } from './mount-table.ts'
import { mountOverlay } from './overlay-mount.ts'

/** How the kernel is to be asked; the shape of containerd's mounts. */
export interface Mount {
  readonly type: 'bind' | 'overlay' | 'erofs'
  /** Directory, image file; for an overlay a name that the kernel only shows: the snapshot's directory. */
  readonly source: string
  /** As mount(8) takes them: `ro`, `lowerdir=…` (nearest parent first). */
  readonly options: readonly string[]
}

/** As a lower directory of an overlay: what the mount before it in the list has put on the target. */
export const MOUNTED_BEFORE = '.'

const flagOf: Readonly<Record<string, number>> = { ro: MS_RDONLY, rw: 0, bind: MS_BIND, rbind: MS_BIND | MS_REC }

/**
 * Mounts each of `mounts` on the directory `target`, one over the other; all of them or none.
 *
 * The directory is opened first and mounted on by its descriptor: nobody can swap it for a link on the way.
 *
 * Errors: INVALID_ARGUMENT (no directory), DENIED (no privilege; somebody else's directory), UNSUPPORTED (the kernel
 * can't), IN_USE.
 */
export function mountAll(mounts: readonly Mount[], target: string): void {
  const directory = openTarget(target)
  let mounted = 0
  try {
    for (const mount of mounts) {
      // Through `.`, for not every call follows a link that comes last.
      mountOne(mount, `/proc/self/fd/${directory}/.`, target)
      mounted += 1
      if (mount.type === 'bind' && mount.options.includes('ro')) makeReadOnly(mount, target)
    }
  } catch (error) {
    for (; mounted > 0; mounted--) openSys().umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW)
    throw explain(error, `Cannot mount on ${target}`, target)
  } finally {
    closeSync(directory)
  }
}

/**
 * Takes the topmost mount off `target`.
 *
 * Errors: NOT_FOUND (nothing is mounted there), IN_USE (something has it open), DENIED.
 */
export function unmount(target: string): void {
  if (!isMounted(target)) {
    const details = { what: 'mount', name: target }
    throw new ImageError('NOT_FOUND', `Cannot unmount ${target}: nothing is mounted there`, details)
  }
  try {
    openSys().umount2(target, UMOUNT_NOFOLLOW)
  } catch (error) {
    throw explain(error, `Cannot unmount ${target}`, target)
  }
}

/**
 * Takes off `target` what {@link mountAll} has put there and is still there.
 *
 * Errors: as `unmount`, but for NOT_FOUND.
 */
export function unmountAll(mounts: readonly Mount[], target: string): void {
  for (const _ of mounts) if (isMounted(target)) unmount(target)
}

/** Whether `target` is a mount point in this process's mount namespace. */
export function isMounted(target: string): boolean {
  let point: string
  try {
    point = realpathSync(target)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false
    throw error
  }
  return readMountTable().some(entry => entry.point === point)
}

function openTarget(target: string): number {
  let fd: number
  try {
    fd = openSync(target, O_PATH | O_DIRECTORY | O_NOFOLLOW)
  } catch (error) {
    const code = errnoOf(error)
    if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'ELOOP') throw error
    const found = code === 'ENOENT' ? 'there is no such directory' : 'it is not a directory'
    const details = { argument: 'target', value: target }
    throw new ImageError('INVALID_ARGUMENT', `Cannot mount on ${target}: ${found}`, details, { cause: error })
  }
  const user = process.geteuid?.() ?? 0
  const { uid } = fstatSync(fd)
  if (user === 0 || uid === user) return fd
  closeSync(fd)
  throw new ImageError('DENIED', `Cannot mount on ${target}: it belongs to user ${uid}`, { what: 'mount' })
}

function mountOne(mount: Mount, target: string, shown: string): void {
  switch (mount.type) {
    case 'overlay':
      mountOverOthers(mount, target, shown)
      return
    case 'erofs':
      mountErofs(mount, target)
      return
    case 'bind': {
      const flags = mount.options.reduce((sum, option) => sum | (flagOf[option] ?? 0), MS_BIND)
      openSys().mount(mount.source, target, '', flags)
    }
  }
}

/** An overlay, perhaps over what was mounted on the same target before: that is held by a descriptor meanwhile. */
function mountOverOthers(mount: Mount, target: string, shown: string): void {
  const below = `lowerdir=${MOUNTED_BEFORE}`
  if (!mount.options.includes(below)) {
    mountOverlay(mount, target)
    return
  }
  const fd = openSync(shown, O_PATH | O_DIRECTORY | O_NOFOLLOW)
  try {
    const options = mount.options.map(option => (option === below ? `lowerdir=/proc/self/fd/${fd}` : option))
    mountOverlay({ ...mount, options }, target)
  } finally {
    closeSync(fd)
  }
}

/** A bind mount ignores `ro` until it is mounted again (mount(2)). */
function makeReadOnly({ source }: Mount, target: string): void {
  const fd = openSync(target, O_PATH | O_DIRECTORY | O_NOFOLLOW)
  try {
    const [shown, wanted] = [fstatSync(fd), statSync(source)]
    if (shown.ino !== wanted.ino || shown.dev !== wanted.dev) throw new Error(`${target} was replaced while mounting`)
    openSys().mount('', `/proc/self/fd/${fd}/.`, '', MS_REMOUNT | MS_BIND | MS_RDONLY)
  } finally {
    closeSync(fd)
  }
}

function explain(error: unknown, failed: string, target: string): unknown {
  switch (errnoOf(error)) {
    case 'EPERM':
    case 'EACCES': {
      const extras = { cause: error, hint: 'run it as root, or unpack the image to a directory' }
      return new ImageError('DENIED', `${failed}: it needs root`, { what: 'mount' }, extras)
    }
    case 'ENODEV': {
      const extras = { cause: error, hint: 'try modprobe overlay, modprobe erofs' }
      return new ImageError('UNSUPPORTED', `${failed}: the kernel has no such file system`, { what: 'mount' }, extras)
    }
    case 'EINVAL': {
      const extras = { cause: error, hint: 'the last lines of dmesg say more' }
      return new ImageError('UNSUPPORTED', `${failed}: the kernel refuses its options`, { what: 'mount' }, extras)
    }
    case 'EBUSY':
      return new ImageError('IN_USE', `${failed}: it is in use`, { what: 'mount', name: target }, { cause: error })
    default:
      return error
  }
}
