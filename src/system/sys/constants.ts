/** Linux's numbers, the same on every architecture that Node runs on unless said otherwise. */
import { constants } from 'node:fs'

export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_REMOVEDIR = 0x200
export const AT_EMPTY_PATH = 0x1000

// O_DIRECTORY and O_NOFOLLOW differ between x86 and arm: Node knows the machine's own.
export const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW, O_TRUNC } = constants
export const O_CLOEXEC = 0o2000000
export const O_PATH = 0o10000000

export const LOCK_SH = 1
export const LOCK_EX = 2
export const LOCK_NB = 4

export const S_IFMT = 0o170000
export const S_IFDIR = 0o040000
export const S_IFREG = 0o100000
export const S_IFLNK = 0o120000
export const S_IFCHR = 0o020000
export const S_IFBLK = 0o060000
export const S_IFIFO = 0o010000

export const MS_RDONLY = 0x1
export const MS_REMOUNT = 0x20
export const MS_BIND = 0x1000
export const MS_REC = 0x4000
export const MS_NOSUID = 0x2
export const MS_NODEV = 0x4
export const MS_NOEXEC = 0x8
export const MS_PRIVATE = 0x40000
export const MNT_DETACH = 0x2
export const UMOUNT_NOFOLLOW = 0x8
export const MOUNT_ATTR_RDONLY = 0x1

export const CLONE_FS = 0x200
export const CLONE_NEWNS = 0x20000
