/**
 * The system calls that Node lacks, typed. Paths are bytes without a final NUL, ≤4,095 of them. All are synchronous,
 * and meant for workers or for calls that can't block.
 *
 * Errors: an `Error` with `code` (`ENOENT`), `errno` and `syscall`, as Node's own.
 */
export interface Sys {
  /**
   * openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS: no path leads out of `dirfd`, through whatever links. Without
   * that call, a path that goes through a link is refused: ELOOP, ENOTDIR.
   */
  openInRoot(dirfd: number, path: Uint8Array, flags: number, mode?: number): number
  /** Linux ≥5.6, where no filter keeps it away. */
  hasOpenat2(): boolean
  openat(dirfd: number, path: Uint8Array, flags: number, mode?: number): number
  close(fd: number): void
  mkdirat(dirfd: number, path: Uint8Array, mode: number): void
  /** `mode` with its type bits. */
  mknodat(dirfd: number, path: Uint8Array, mode: number, major: number, minor: number): void
  symlinkat(target: Uint8Array, dirfd: number, path: Uint8Array): void
  readlinkat(dirfd: number, path: Uint8Array): Buffer
  /** Never follows the last component of `oldPath`. */
  linkat(oldDirfd: number, oldPath: Uint8Array, newDirfd: number, newPath: Uint8Array): void
  unlinkat(dirfd: number, path: Uint8Array, flags?: number): void
  fchown(fd: number, uid: number, gid: number): void
  /** Doesn't follow the last component. */
  fchownat(dirfd: number, path: Uint8Array, uid: number, gid: number): void
  fchmod(fd: number, mode: number): void
  /** Follows the last component: only for what is known to be no symlink. */
  fchmodat(dirfd: number, path: Uint8Array, mode: number): void
  /** Access and modification time alike; doesn't follow. */
  utimensat(dirfd: number, path: Uint8Array, seconds: number, nanoseconds: number): void
  futimens(fd: number, seconds: number, nanoseconds: number): void
  fsetxattr(fd: number, name: Uint8Array, value: Uint8Array): void
  /** Doesn't follow. */
  lsetxattr(path: Uint8Array, name: Uint8Array, value: Uint8Array): void
  /** Doesn't follow. Every attribute that this process may see, by name: its bytes as a latin1 string. */
  lgetxattrs(path: Uint8Array): Map<string, Buffer>
  /** Doesn't follow. */
  lremovexattr(path: Uint8Array, name: Uint8Array): void
  /** statx(2) that doesn't follow. Empty `path`: `dirfd` itself. */
  stat(dirfd: number, path: Uint8Array): Stat
  /** False when LOCK_NB was given and somebody else holds it. */
  flock(fd: number, operation: number): boolean
  syncfs(fd: number): void
  mount(source: string, target: string, type: string, flags: number, data?: string): void
  /**
   * A new mount by fsopen, fsconfig, fsmount and move_mount: any number of options, each ≤255 bytes (Linux ≥5.2).
   * `attributes`: MOUNT_ATTR_*.
   */
  mountWith(type: string, options: readonly MountOption[], target: string, attributes?: number): void
  /**
   * A copy of the mount at `path`, as a descriptor (open_tree(2), Linux ≥5.2): it is attached nowhere, so `..` ends at
   * its root, which is `path`.
   */
  openTree(path: Uint8Array): number
  /** Of what {@link openTree} gave (mount_setattr(2), Linux ≥5.12). */
  makeReadOnly(tree: number): void
  /** With a number or a structure; what the kernel writes there is seen in `argument`. */
  ioctl(fd: number, request: number, argument: number | Uint8Array): number
  umount2(target: string, flags?: number): void
  unshare(flags: number): void
  setns(fd: number, type: number): void
  fchdir(fd: number): void
  pivotRoot(newRoot: string, putOld: string): void
  umask(mask: number): number
  /** The kernel kills this process when the thread that started it ends (prctl(2), PR_SET_PDEATHSIG). */
  dieWithParent(): void
}

/** `[key]` is a flag, `[key, value]` a string. */
export type MountOption = readonly [key: string, value?: string]

export interface Stat {
  /** With its type bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly dev: number
  readonly ino: number
  readonly nlink: number
  /** Of the device node itself. */
  readonly major: number
  readonly minor: number
  readonly seconds: number
  readonly nanoseconds: number
}
