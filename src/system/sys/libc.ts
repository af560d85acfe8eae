import { koffi } from './ffi.ts'

type Bytes = Uint8Array | null

/** The C functions behind `Sys`, unchecked: −1 is a failure, with its errno in `koffi.errno()`. */
export interface Libc {
  openat(dirfd: number, path: Bytes, flags: number, mode: number): number
  close(fd: number): number
  mkdirat(dirfd: number, path: Bytes, mode: number): number
  mknodat(dirfd: number, path: Bytes, mode: number, device: bigint): number
  symlinkat(target: Bytes, dirfd: number, path: Bytes): number
  readlinkat(dirfd: number, path: Bytes, buffer: Bytes, size: number): number
  linkat(oldDirfd: number, oldPath: Bytes, newDirfd: number, newPath: Bytes, flags: number): number
  unlinkat(dirfd: number, path: Bytes, flags: number): number
  fchown(fd: number, uid: number, gid: number): number
  fchownat(dirfd: number, path: Bytes, uid: number, gid: number, flags: number): number
  fchmod(fd: number, mode: number): number
  fchmodat(dirfd: number, path: Bytes, mode: number, flags: number): number
  utimensat(dirfd: number, path: Bytes, times: Bytes, flags: number): number
  futimens(fd: number, times: Bytes): number
  fsetxattr(fd: number, name: Bytes, value: Bytes, size: number, flags: number): number
  lsetxattr(path: Bytes, name: Bytes, value: Bytes, size: number, flags: number): number
  lgetxattr(path: Bytes, name: Bytes, value: Bytes, size: number): number
  llistxattr(path: Bytes, list: Bytes, size: number): number
  lremovexattr(path: Bytes, name: Bytes): number
  statx(dirfd: number, path: Bytes, flags: number, mask: number, buffer: Bytes): number
  flock(fd: number, operation: number): number
  syncfs(fd: number): number
  mount(source: Bytes, target: Bytes, type: Bytes, flags: number, data: Bytes): number
  umount2(target: Bytes, flags: number): number
  ioctlNumber(fd: number, request: number, argument: number): number
  ioctlBytes(fd: number, request: number, argument: Bytes): number
  unshare(flags: number): number
  setns(fd: number, type: number): number
  fchdir(fd: number): number
  umask(mask: number): number
  prctl(option: number, argument: number): number
  openat2(dirfd: number, path: Bytes, how: Bytes, size: number): number
  fsopen(type: Bytes, flags: number): number
  fsconfig(fd: number, command: number, key: Bytes, value: Bytes, auxiliary: number): number
  fsmount(fd: number, flags: number, attributes: number): number
  moveMount(fromDirfd: number, from: Bytes, toDirfd: number, to: Bytes, flags: number): number
  openTree(dirfd: number, path: Bytes, flags: number): number
  mountSetattr(dirfd: number, path: Bytes, flags: number, attributes: Bytes, size: number): number
  pivotRoot(newRoot: Bytes, putOld: Bytes): number
}

// Of no libc.
const SYS_PIVOT_ROOT = { x64: 155, arm64: 41, riscv64: 41, loong64: 41, ppc64: 203, s390x: 217 } as Readonly<
  Record<string, number>
>
// Younger than many a libc: called by number, which is one on all architectures since Linux 5.0's unified table.
const SYS_OPEN_TREE = 428
const SYS_MOVE_MOUNT = 429
const SYS_FSOPEN = 430
const SYS_FSCONFIG = 431
const SYS_FSMOUNT = 432
const SYS_OPENAT2 = 437
const SYS_MOUNT_SETATTR = 442

const NO_SUCH_CALL = 0xffff

export function bindLibc(): Libc {
  const library = koffi.load(null)
  // A prototype's names are for readers; koffi checks argument counts and types at each call.
  const bind = <F>(prototype: string) => library.func(prototype) as unknown as F
  const syscall = (...types: string[]) => library.func('syscall', 'long', ['long', ...types])
  const openat2 = syscall('int', 'const void *', 'const void *', 'size_t')
  const fsopen = syscall('const void *', 'uint')
  const fsconfig = syscall('int', 'uint', 'const void *', 'const void *', 'int')
  const fsmount = syscall('int', 'uint', 'uint')
  const moveMount = syscall('int', 'const void *', 'int', 'const void *', 'uint')
  const openTree = syscall('int', 'const void *', 'uint')
  const mountSetattr = syscall('int', 'const void *', 'uint', 'const void *', 'size_t')
  const pivotRoot = syscall('const void *', 'const void *')
  return {
    openat: bind('int openat(int dirfd, const void *path, int flags, uint mode)'),
    close: bind('int close(int fd)'),
    mkdirat: bind('int mkdirat(int dirfd, const void *path, uint mode)'),
    mknodat: bind('int mknodat(int dirfd, const void *path, uint mode, uint64_t device)'),
    symlinkat: bind('int symlinkat(const void *target, int dirfd, const void *path)'),
    readlinkat: bind('int64_t readlinkat(int dirfd, const void *path, void *buffer, size_t size)'),
    linkat: bind('int linkat(int oldDirfd, const void *oldPath, int newDirfd, const void *newPath, int flags)'),
    unlinkat: bind('int unlinkat(int dirfd, const void *path, int flags)'),
    fchown: bind('int fchown(int fd, uint uid, uint gid)'),
    fchownat: bind('int fchownat(int dirfd, const void *path, uint uid, uint gid, int flags)'),
    fchmod: bind('int fchmod(int fd, uint mode)'),
    fchmodat: bind('int fchmodat(int dirfd, const void *path, uint mode, int flags)'),
    utimensat: bind('int utimensat(int dirfd, const void *path, const void *times, int flags)'),
    futimens: bind('int futimens(int fd, const void *times)'),
    fsetxattr: bind('int fsetxattr(int fd, const void *name, const void *value, size_t size, int flags)'),
    lsetxattr: bind('int lsetxattr(const void *path, const void *name, const void *value, size_t size, int flags)'),
    lgetxattr: bind('int64_t lgetxattr(const void *path, const void *name, void *value, size_t size)'),
    llistxattr: bind('int64_t llistxattr(const void *path, void *list, size_t size)'),
    lremovexattr: bind('int lremovexattr(const void *path, const void *name)'),
    statx: bind('int statx(int dirfd, const void *path, int flags, uint mask, void *buffer)'),
    flock: bind('int flock(int fd, int operation)'),
    syncfs: bind('int syncfs(int fd)'),
    mount: bind('int mount(const void *source, const void *target, const void *type, ulong flags, const void *data)'),
    ioctlNumber: library.func('ioctl', 'int', ['int', 'ulong', 'ulong']),
    ioctlBytes: library.func('ioctl', 'int', ['int', 'ulong', 'void *']),
    umount2: bind('int umount2(const void *target, int flags)'),
    unshare: bind('int unshare(int flags)'),
    setns: bind('int setns(int fd, int type)'),
    fchdir: bind('int fchdir(int fd)'),
    umask: bind('uint umask(uint mask)'),
    prctl: bind('int prctl(int option, ulong argument)'),
    openat2: (...words) => Number(openat2(SYS_OPENAT2, ...words)),
    fsopen: (...words) => Number(fsopen(SYS_FSOPEN, ...words)),
    fsconfig: (...words) => Number(fsconfig(SYS_FSCONFIG, ...words)),
    fsmount: (...words) => Number(fsmount(SYS_FSMOUNT, ...words)),
    moveMount: (...words) => Number(moveMount(SYS_MOVE_MOUNT, ...words)),
    openTree: (...words) => Number(openTree(SYS_OPEN_TREE, ...words)),
    mountSetattr: (...words) => Number(mountSetattr(SYS_MOUNT_SETATTR, ...words)),
    // Where its number isn't known, one that no kernel has.
    pivotRoot: (...words) => Number(pivotRoot(SYS_PIVOT_ROOT[process.arch] ?? NO_SUCH_CALL, ...words)),
  }
}
