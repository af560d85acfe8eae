/**
 * The system calls that Node lacks, typed. Paths are bytes without a final NUL; the callee adds it. All are
 * synchronous and meant for workers (or for calls that can't block).
 *
 * Errors: an `Error` with `code` (`ENOENT`), `errno` and `syscall`, as Node's own.
 */
export interface Sys {
  /** openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: no path leads out of `dirfd`, through whatever links. */
  openInRoot(dirfd: number, path: Uint8Array, flags: number, mode?: number): number
  openat(dirfd: number, path: Uint8Array, flags: number, mode?: number): number
  close(fd: number): void
  mkdirat(dirfd: number, path: Uint8Array, mode: number): void
  mknodat(dirfd: number, path: Uint8Array, mode: number, major: number, minor: number): void
  symlinkat(target: Uint8Array, dirfd: number, path: Uint8Array): void
  readlinkat(dirfd: number, path: Uint8Array): Buffer
  /** Never follows `oldPath`'s last component. */
  linkat(oldDirfd: number, oldPath: Uint8Array, newDirfd: number, newPath: Uint8Array): void
  unlinkat(dirfd: number, path: Uint8Array, flags?: number): void
  renameat2(oldDirfd: number, oldPath: Uint8Array, newDirfd: number, newPath: Uint8Array, flags?: number): void
  fchown(fd: number, uid: number, gid: number): void
  /** Doesn't follow the last component. */
  fchownat(dirfd: number, path: Uint8Array, uid: number, gid: number): void
  fchmod(fd: number, mode: number): void
  /** Follows the last component: for what is known to be no symlink. */
  fchmodat(dirfd: number, path: Uint8Array, mode: number): void
  /** Access and modification time alike; doesn't follow. Empty `path`: `dirfd` itself. */
  utimensat(dirfd: number, path: Uint8Array, seconds: number, nanoseconds: number): void
  fsetxattr(fd: number, name: Uint8Array, value: Uint8Array): void
  /** Doesn't follow. */
  lsetxattr(path: Uint8Array, name: Uint8Array, value: Uint8Array): void
  lgetxattr(path: Uint8Array, name: Uint8Array): Buffer
  llistxattr(path: Uint8Array): Buffer[]
  /** lstat by descriptor. */
  fstatat(dirfd: number, path: Uint8Array): Stat
  flock(fd: number, operation: number): void
  syncfs(fd: number): void
  mount(source: string, target: string, type: string, flags: number, data: string): void
  umount2(target: string, flags: number): void
  /** A mount by fsopen, fsconfig, fsmount and move_mount: any number of options of ≤255 bytes. */
  mountWith(
    type: string,
    options: readonly (readonly [key: string, value?: string])[],
    target: string,
    attributes: number,
  ): void
  unshare(flags: number): void
  prctl(option: number, argument: number): void
  umask(mask: number): number
}

export interface Stat {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly dev: number
  readonly ino: number
  readonly nlink: number
  readonly major: number
  readonly minor: number
  readonly seconds: number
  readonly nanoseconds: number
}
