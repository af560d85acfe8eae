import { ftruncateSync, writeSync } from 'node:fs'
import { errnoOf } from '../../errors.ts'
import { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, S_IFBLK, S_IFCHR, S_IFIFO } from '../../system/sys/constants.ts'
import type { Sys } from '../../system/sys/sys.ts'
import type { Attributes, AttributeWriter } from './attributes.ts'
import { noDevices } from './losses.ts'

/** A regular file that is being written. */
export interface OpenFile {
  readonly fd: number
  readonly wanted: Attributes
  /** It was made with. */
  readonly mode: number
  /** Where the data written so far ends. */
  end: number
}

/** What a name that is neither directory nor regular file needs to be made. */
export interface SpecialFile extends Attributes {
  readonly type: 'character' | 'block' | 'fifo'
  readonly major: number
  readonly minor: number
}

const createFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
const typeBits = { character: S_IFCHR, block: S_IFBLK, fifo: S_IFIFO }

/**
 * Makes what isn't a directory, as a new name in an open directory, with its attributes.
 *
 * Errors: EEXIST: never writes to what has the name, nor through it.
 */
export class EntryWriter {
  readonly #sys: Sys
  readonly #attributes: AttributeWriter
  readonly #warn: (message: string) => void

  constructor(sys: Sys, attributes: AttributeWriter, warn: (message: string) => void) {
    this.#sys = sys
    this.#attributes = attributes
    this.#warn = warn
  }

  symlink(dirfd: number, name: Buffer, target: Uint8Array, wanted: Attributes): void {
    this.#sys.symlinkat(target, dirfd, name)
    this.#attributes.symlink(dirfd, name, wanted)
  }

  /** False when it takes a privilege that is lacking: it is left out then. */
  special(dirfd: number, name: Buffer, file: SpecialFile): boolean {
    const made = this.#attributes.initialMode(file)
    try {
      this.#sys.mknodat(dirfd, name, typeBits[file.type] | made, file.major, file.minor)
    } catch (error) {
      if (errnoOf(error) !== 'EPERM' || file.type === 'fifo') throw error
      this.#warn(noDevices)
      return false
    }
    this.#attributes.node(dirfd, name, file, this.#attributes.made(made))
    return true
  }

  /** To be written by {@link write} and closed by {@link finish}, or by {@link close} if that can't be. */
  open(dirfd: number, name: Buffer, wanted: Attributes): OpenFile {
    const mode = this.#attributes.initialMode(wanted)
    return { fd: this.#sys.openat(dirfd, name, createFlags, mode), wanted, mode, end: 0 }
  }

  /** In order; what is left out between two pieces is a hole. */
  write(file: OpenFile, bytes: Uint8Array, fileOffset: number): void {
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(file.fd, bytes, at, bytes.length - at, fileOffset + at)
    }
    file.end = fileOffset + bytes.length
  }

  /** Gives the file its size, for a hole at its end, and its attributes. */
  finish(file: OpenFile, size: number): void {
    if (file.end < size) ftruncateSync(file.fd, size)
    this.#attributes.file(file.fd, file.wanted, file.mode)
    this.close(file)
  }

  close({ fd }: OpenFile): void {
    this.#sys.close(fd)
  }
}
