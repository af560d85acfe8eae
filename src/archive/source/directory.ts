import { closeSync, constants, fstatSync, openSync } from 'node:fs'
import { errnoOf, ImageError } from '../../errors.ts'
import { openSys } from '../../system/sys/linux.ts'
import type { FileRange } from './file-range.ts'
import type { Files } from './files.ts'

const { O_RDONLY, O_DIRECTORY, O_NONBLOCK } = constants

/**
 * The files below a directory. Links are followed inside it and lead nowhere else; what blocks or isn't a file is refused.
 *
 * Errors: what the disk says.
 */
export function openDirectory(path: string): Files & { close(): void } {
  const sys = openSys()
  const directory = openSync(path, O_RDONLY | O_DIRECTORY)
  return {
    path,
    async open(name) {
      const fd = openIfThere(() => sys.openInRoot(directory, Buffer.from(name), O_RDONLY | O_NONBLOCK))
      return fd === undefined ? undefined : plainFile(fd, `${path}/${name}`)
    },
    close: () => closeSync(directory),
  }
}

/** All of an open file, which is closed with it. Errors: UNSAFE for what is none, and it is closed. */
export function plainFile(fd: number, path: string): FileRange {
  const stat = fstatSync(fd)
  let isOpen = true
  const close = () => {
    if (isOpen) closeSync(fd)
    isOpen = false
  }
  if (stat.isFile()) return { fd, path, offset: 0, size: stat.size, close }
  close()
  throw new ImageError('UNSAFE', `Cannot read ${path}: it is no file`, { what: 'file type' })
}

function openIfThere(open: () => number): number | undefined {
  try {
    return open()
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}
