import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  LOCK_NB,
  MOUNT_ATTR_RDONLY,
  O_CLOEXEC,
  O_PATH,
} from './constants.ts'
import { systemError } from './errno.ts'
import { koffi } from './ffi.ts'
import { bindLibc, type Libc } from './libc.ts'
import { openStepwise } from './open-stepwise.ts'
import { readStatx, STATX_BASIC_STATS, STATX_BYTES } from './stat.ts'
import type { MountOption, Stat, Sys } from './sys.ts'

/** Kernel's own bound, NUL included (limits.h). */
const PATH_MAX_BYTES = 4096
/** Kernel's bounds on a list of attribute names and on one value (xattr(7)). */
const XATTR_MAX_BYTES = 65_536

const RESOLVE_NO_MAGICLINKS = 0x02
const RESOLVE_IN_ROOT = 0x10

const FSOPEN_CLOEXEC = 1
const FSMOUNT_CLOEXEC = 1
const FSCONFIG_SET_FLAG = 0
const FSCONFIG_SET_STRING = 1
const FSCONFIG_CMD_CREATE = 6
const MOVE_MOUNT_F_EMPTY_PATH = 4
const OPEN_TREE_CLONE = 1
/** Of struct mount_attr: what to set, what to clear, propagation, a user namespace. */
const MOUNT_ATTR_BYTES = 32

const PR_SET_PDEATHSIG = 1
const SIGKILL = 9

const EPERM = 1
const EINTR = 4
const EAGAIN = 11
const ENAMETOOLONG = 36
const ENOSYS = 38

const here = Buffer.from('.')

let bound: Sys | undefined

/** The machine's system calls, bound when a thread first asks for them. */
export function openSys(): Sys {
  bound ??= bindSys(bindLibc())
  return bound
}

/** For tests, with functions that fail. */
export function bindSys(libc: Libc): Sys {
  // Arguments are copied here with their NUL: a buffer a call would be garbage at a million calls a layer.
  const first = Buffer.alloc(PATH_MAX_BYTES)
  const second = Buffer.alloc(PATH_MAX_BYTES)
  const name = Buffer.alloc(256)
  const statx = Buffer.alloc(STATX_BYTES)
  const times = Buffer.alloc(32)
  const openHow = Buffer.alloc(24)
  const value = Buffer.alloc(XATTR_MAX_BYTES)
  openHow.writeBigUInt64LE(BigInt(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), 16)

  function text(target: Buffer, bytes: Uint8Array, syscall: string): Buffer {
    if (bytes.length >= target.length) throw systemError(ENAMETOOLONG, syscall, bytes.subarray(0, 64))
    target.set(bytes)
    target[bytes.length] = 0
    return target
  }

  function checked(result: number, syscall: string, path?: Uint8Array | string): number {
    if (result === -1) throw systemError(koffi.errno(), syscall, path)
    return result
  }

  function timespecs(seconds: number, nanoseconds: number): Buffer {
    for (const at of [0, 16]) {
      times.writeBigInt64LE(BigInt(seconds), at)
      times.writeBigInt64LE(BigInt(nanoseconds), at + 8)
    }
    return times
  }

  function configure(fd: number, [key, setting]: MountOption): void {
    const command = setting === undefined ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING
    const bytes = setting === undefined ? null : cString(setting)
    checked(libc.fsconfig(fd, command, cString(key), bytes, 0), 'fsconfig', `${key}=${setting ?? ''}`)
  }

  // A kernel before 5.6 doesn't know it, and a container's filter of system calls may not let it pass.
  openHow.writeBigUInt64LE(BigInt(O_PATH | O_CLOEXEC), 0)
  const tried = libc.openat2(AT_FDCWD, text(first, here, 'openat2'), openHow, openHow.length)
  const canOpenat2 = tried !== -1 || (koffi.errno() !== ENOSYS && koffi.errno() !== EPERM)
  if (tried !== -1) libc.close(tried)

  const sys: Sys = {
    hasOpenat2: () => canOpenat2,
    openInRoot(dirfd, path, flags, mode = 0) {
      if (!canOpenat2) return openStepwise(sys, dirfd, path, flags, mode)
      openHow.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0)
      openHow.writeBigUInt64LE(BigInt(mode), 8)
      text(first, path, 'openat2')
      for (;;) {
        const fd = libc.openat2(dirfd, first, openHow, openHow.length)
        if (fd >= 0) return fd
        const errno = koffi.errno()
        // EAGAIN: something was renamed while the kernel was resolving `..` (openat2(2)).
        if (errno !== EAGAIN && errno !== EINTR) throw systemError(errno, 'openat2', path)
      }
    },
    openat(dirfd, path, flags, mode = 0) {
      return checked(libc.openat(dirfd, text(first, path, 'openat'), flags | O_CLOEXEC, mode), 'openat', path)
    },
    close(fd) {
      checked(libc.close(fd), 'close')
    },
    mkdirat(dirfd, path, mode) {
      checked(libc.mkdirat(dirfd, text(first, path, 'mkdirat'), mode), 'mkdirat', path)
    },
    mknodat(dirfd, path, mode, major, minor) {
      checked(libc.mknodat(dirfd, text(first, path, 'mknodat'), mode, makedev(major, minor)), 'mknodat', path)
    },
    symlinkat(target, dirfd, path) {
      checked(
        libc.symlinkat(text(first, target, 'symlinkat'), dirfd, text(second, path, 'symlinkat')),
        'symlinkat',
        path,
      )
    },
    readlinkat(dirfd, path) {
      const length = checked(
        libc.readlinkat(dirfd, text(first, path, 'readlinkat'), second, second.length),
        'readlinkat',
        path,
      )
      return Buffer.from(second.subarray(0, length))
    },
    linkat(oldDirfd, oldPath, newDirfd, newPath) {
      const result = libc.linkat(oldDirfd, text(first, oldPath, 'linkat'), newDirfd, text(second, newPath, 'linkat'), 0)
      checked(result, 'linkat', newPath)
    },
    unlinkat(dirfd, path, flags = 0) {
      checked(libc.unlinkat(dirfd, text(first, path, 'unlinkat'), flags), 'unlinkat', path)
    },
    fchown(fd, uid, gid) {
      checked(libc.fchown(fd, uid, gid), 'fchown')
    },
    fchownat(dirfd, path, uid, gid) {
      const flags = AT_SYMLINK_NOFOLLOW
      checked(libc.fchownat(dirfd, text(first, path, 'fchownat'), uid, gid, flags), 'fchownat', path)
    },
    fchmod(fd, mode) {
      checked(libc.fchmod(fd, mode), 'fchmod')
    },
    fchmodat(dirfd, path, mode) {
      checked(libc.fchmodat(dirfd, text(first, path, 'fchmodat'), mode, 0), 'fchmodat', path)
    },
    utimensat(dirfd, path, seconds, nanoseconds) {
      const spec = timespecs(seconds, nanoseconds)
      checked(libc.utimensat(dirfd, text(first, path, 'utimensat'), spec, AT_SYMLINK_NOFOLLOW), 'utimensat', path)
    },
    futimens(fd, seconds, nanoseconds) {
      checked(libc.futimens(fd, timespecs(seconds, nanoseconds)), 'futimens')
    },
    fsetxattr(fd, attribute, bytes) {
      checked(libc.fsetxattr(fd, text(name, attribute, 'fsetxattr'), bytes, bytes.length, 0), 'fsetxattr', attribute)
    },
    lsetxattr(path, attribute, bytes) {
      const [file, key] = [text(first, path, 'lsetxattr'), text(name, attribute, 'lsetxattr')]
      checked(libc.lsetxattr(file, key, bytes, bytes.length, 0), 'lsetxattr', path)
    },
    lgetxattrs(path) {
      text(first, path, 'llistxattr')
      const length = checked(libc.llistxattr(first, value, value.length), 'llistxattr', path)
      const found = new Map<string, Buffer>()
      for (const attribute of value.toString('latin1', 0, length).split('\0').slice(0, -1)) {
        const key = text(name, Buffer.from(attribute, 'latin1'), 'lgetxattr')
        const bytes = checked(libc.lgetxattr(first, key, value, value.length), 'lgetxattr', path)
        found.set(attribute, Buffer.from(value.subarray(0, bytes)))
      }
      return found
    },
    lremovexattr(path, attribute) {
      const [file, key] = [text(first, path, 'lremovexattr'), text(name, attribute, 'lremovexattr')]
      checked(libc.lremovexattr(file, key), 'lremovexattr', path)
    },
    stat(dirfd, path): Stat {
      const flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH
      checked(libc.statx(dirfd, text(first, path, 'statx'), flags, STATX_BASIC_STATS, statx), 'statx', path)
      return readStatx(statx)
    },
    flock(fd, operation) {
      for (;;) {
        if (libc.flock(fd, operation) === 0) return true
        const errno = koffi.errno()
        if (errno === EAGAIN && (operation & LOCK_NB) !== 0) return false
        if (errno !== EINTR) throw systemError(errno, 'flock')
      }
    },
    syncfs(fd) {
      checked(libc.syncfs(fd), 'syncfs')
    },
    mount(source, target, type, flags, data = '') {
      // mount(2) cuts longer data at a page without a word.
      if (Buffer.byteLength(data) >= PATH_MAX_BYTES) throw systemError(ENAMETOOLONG, 'mount', target)
      checked(libc.mount(cString(source), cString(target), cString(type), flags, cString(data)), 'mount', target)
    },
    mountWith(type, options, target, attributes = 0) {
      const context = checked(libc.fsopen(cString(type), FSOPEN_CLOEXEC), 'fsopen', type)
      let mounted = -1
      try {
        for (const option of options) configure(context, option)
        checked(libc.fsconfig(context, FSCONFIG_CMD_CREATE, null, null, 0), 'fsconfig', type)
        mounted = checked(libc.fsmount(context, FSMOUNT_CLOEXEC, attributes), 'fsmount', type)
        const [from, to] = [cString(''), cString(target)]
        checked(libc.moveMount(mounted, from, AT_FDCWD, to, MOVE_MOUNT_F_EMPTY_PATH), 'move_mount', target)
      } finally {
        if (mounted !== -1) libc.close(mounted)
        libc.close(context)
      }
    },
    openTree(path) {
      const copied = libc.openTree(AT_FDCWD, text(first, path, 'open_tree'), OPEN_TREE_CLONE | O_CLOEXEC)
      return checked(copied, 'open_tree', path)
    },
    makeReadOnly(tree) {
      const attributes = Buffer.alloc(MOUNT_ATTR_BYTES)
      attributes.writeBigUInt64LE(BigInt(MOUNT_ATTR_RDONLY))
      const result = libc.mountSetattr(tree, cString(''), AT_EMPTY_PATH, attributes, attributes.length)
      checked(result, 'mount_setattr')
    },
    ioctl(fd, request, argument) {
      const call =
        typeof argument === 'number' ? libc.ioctlNumber(fd, request, argument) : libc.ioctlBytes(fd, request, argument)
      return checked(call, 'ioctl')
    },
    umount2(target, flags = 0) {
      checked(libc.umount2(cString(target), flags), 'umount2', target)
    },
    unshare(flags) {
      checked(libc.unshare(flags), 'unshare')
    },
    setns(fd, type) {
      checked(libc.setns(fd, type), 'setns')
    },
    fchdir(fd) {
      checked(libc.fchdir(fd), 'fchdir')
    },
    pivotRoot(newRoot, putOld) {
      checked(libc.pivotRoot(cString(newRoot), cString(putOld)), 'pivot_root', newRoot)
    },
    umask(mask) {
      return libc.umask(mask)
    },
    dieWithParent() {
      checked(libc.prctl(PR_SET_PDEATHSIG, SIGKILL), 'prctl')
    },
  }
  return sys
}

function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}

/** Linux's 64-bit device number (makedev(3)). */
function makedev(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)]
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn)
}
