import { errnoOf, ImageError } from '../../errors.ts'
import { keepXattr } from '../../layer/xattrs.ts'
import { procPath } from '../../system/jail.ts'
import type { Sys } from '../../system/sys/sys.ts'
import { UNFINISHED } from '../unfinished.ts'
import { ownerRecord } from './owner-record.ts'

/** What a file has besides its bytes. */
export interface Attributes {
  readonly uid: number
  readonly gid: number
  /** Permission bits, 07777 at most. */
  readonly mode: number
  readonly seconds: number
  readonly nanoseconds: number
  /** Undefined: left as they are. */
  readonly xattrs: ReadonlyMap<string, Buffer> | undefined
}

interface Owner {
  readonly uid: number
  readonly gid: number
}

/** Owner and mode that a file has already. */
export interface Present extends Owner {
  readonly mode: number
}

/** Of parents that no layer has an entry of: the time is fixed so that the same layers make the same tree. */
export const implicitAttributes: Attributes = {
  uid: 0,
  gid: 0,
  mode: 0o755,
  seconds: 0,
  nanoseconds: 0,
  xattrs: new Map(),
}

const setBits = 0o7000
/** Source: acl(5). */
const defaultAcl = 'system.posix_acl_default'

/**
 * Gives files their attributes in the one order that works: owner (which clears set-id bits and capabilities),
 * extended attributes, mode (which may forbid the former), times.
 *
 * What this process or this file system can't do is left out and said through `warn`.
 */
export class AttributeWriter {
  readonly #sys: Sys
  readonly #warn: (message: string) => void
  readonly #umask = process.umask()
  readonly #uid = process.geteuid?.() ?? 0
  readonly #gid = process.getegid?.() ?? 0
  readonly #ownersKept = this.#uid === 0

  constructor(sys: Sys, warn: (message: string) => void) {
    this.#sys = sys
    this.#warn = warn
  }

  /** Runs as an ordinary user, whom modes bind. */
  get restricted(): boolean {
    return this.#uid !== 0
  }

  /** The mode to make a file with: already the final one, where nothing is to come that it would hinder. */
  initialMode({ uid, gid, mode, xattrs }: Attributes): number {
    const isWrittenDown = this.restricted && (uid !== this.#uid || gid !== this.#gid)
    return isWrittenDown || (xattrs !== undefined && xattrs.size > 0) ? 0o600 : mode & 0o777
  }

  /** What a file has that was just made with `mode`. */
  made(mode: number): Present {
    return { uid: this.#uid, gid: this.#gid, mode: mode & ~this.#umask & ~setBits }
  }

  /** An open regular file. */
  file(fd: number, wanted: Attributes, made: number): void {
    const { uid, gid, mode } = wanted
    let isOwned = true
    if (uid !== this.#uid || gid !== this.#gid) {
      isOwned = this.#own(wanted, () => this.#sys.fchown(fd, uid, gid))
    }
    const setXattr = (name: Buffer, value: Buffer) => this.#sys.fsetxattr(fd, name, value)
    this.#setXattrs(wanted.xattrs, setXattr)
    if (!isOwned) this.#setXattrs(ownerRecord(wanted), setXattr)
    if ((made & ~this.#umask) !== mode) this.#sys.fchmod(fd, mode)
    this.#sys.futimens(fd, wanted.seconds, wanted.nanoseconds)
  }

  /** What is called `name` in `dirfd`: anything but a symlink. */
  node(dirfd: number, name: Buffer, wanted: Attributes, present: Present, isDirectory = false): void {
    const isOwned = this.#owner(dirfd, name, wanted, present)
    this.#setXattrsAt(dirfd, name, wanted.xattrs)
    // Only files and directories can have such a record; what else a layer makes has to do without.
    if (!isOwned && isDirectory) this.#setXattrsAt(dirfd, name, ownerRecord(wanted))
    if (present.mode !== wanted.mode) this.#sys.fchmodat(dirfd, name, wanted.mode)
    this.#sys.utimensat(dirfd, name, wanted.seconds, wanted.nanoseconds)
  }

  symlink(dirfd: number, name: Buffer, wanted: Attributes): void {
    this.#owner(dirfd, name, wanted, { uid: this.#uid, gid: this.#gid })
    this.#setXattrsAt(dirfd, name, wanted.xattrs)
    this.#sys.utimensat(dirfd, name, wanted.seconds, wanted.nanoseconds)
  }

  /** Removes what a lower layer's entry left: all that an image may bring, but nothing of the system's own, or davit's. */
  stripXattrs(dirfd: number, name: Buffer): void {
    const path = procPath(dirfd, name)
    for (const attribute of this.#sys.lgetxattrs(path).keys()) {
      if (keepXattr(attribute) && attribute !== UNFINISHED)
        this.#sys.lremovexattr(path, Buffer.from(attribute, 'latin1'))
    }
  }

  /** Takes from a directory what it would hand down to all that is made in it; undefined: nothing. */
  takeDefaultAcl(dirfd: number, name: Buffer): ReadonlyMap<string, Buffer> | undefined {
    const path = procPath(dirfd, name)
    const acl = this.#sys.lgetxattrs(path).get(defaultAcl)
    if (acl === undefined) return undefined
    this.#sys.lremovexattr(path, Buffer.from(defaultAcl))
    return new Map([[defaultAcl, acl]])
  }

  #owner(dirfd: number, name: Buffer, wanted: Attributes, present: Owner): boolean {
    const { uid, gid } = wanted
    if (present.uid === uid && present.gid === gid) return true
    return this.#own(wanted, () => this.#sys.fchownat(dirfd, name, uid, gid))
  }

  /** False when it can't be. */
  #own({ uid, gid }: Owner, change: () => void): boolean {
    if (this.#ownersKept) {
      try {
        change()
        return true
      } catch (error) {
        // This user namespace or this file system has no such owner.
        const errno = errnoOf(error)
        if (errno !== 'EPERM' && errno !== 'EINVAL') throw error
      }
    } else if (uid === this.#uid && gid === this.#gid) return true
    this.#warn('owners are lost, and written down in user.rootlesscontainers: here, nobody has such ids to give')
    return false
  }

  #setXattrsAt(dirfd: number, name: Buffer, xattrs: ReadonlyMap<string, Buffer> | undefined): void {
    if (xattrs === undefined || xattrs.size === 0) return
    const path = procPath(dirfd, name)
    this.#setXattrs(xattrs, (attribute, value) => this.#sys.lsetxattr(path, attribute, value))
  }

  #setXattrs(xattrs: ReadonlyMap<string, Buffer> | undefined, set: (name: Buffer, value: Buffer) => void): void {
    if (xattrs === undefined || xattrs.size === 0) return
    for (const [name, value] of xattrs) {
      try {
        set(Buffer.from(name, 'latin1'), value)
      } catch (error) {
        const errno = errnoOf(error)
        if (errno === 'EOPNOTSUPP' || errno === 'ENOTSUP')
          this.#warn(`the file system keeps no ${family(name)} attributes`)
        else if (errno === 'EINVAL') throw badXattr(name, error)
        else if (errno === 'EPERM') this.#warn(`no privilege to set ${family(name)} attributes`)
        else throw error
      }
    }
  }
}

/** The kernel looks into the values of some, as of `security.capability`. */
function badXattr(name: string, cause: unknown): ImageError {
  const line = `Cannot apply the layer: the kernel refuses its value of ${JSON.stringify(name)}`
  return new ImageError('MALFORMED', line, { what: 'extended attribute' }, { cause })
}

function family(name: string): string {
  return `${name.slice(0, name.indexOf('.'))}.*`
}
