import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { errnoOf, ImageError } from '../../errors.ts'
import { hold } from '../../rootfs/staging.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import { parseIndex } from '../../spec/index.ts'
import { mediaTypes } from '../../spec/media-types.ts'
import { REF_NAME } from '../../store/oci-index.ts'
import { diskError } from '../../system/disk-error.ts'
import { syncDirectory, writeFileDurably } from '../../system/files.ts'
import { blobPath } from '../oci-layout.ts'
import { INDEX, LAYOUT } from '../source/layout.ts'
import { formatIndex, layoutText, receive, type Sink } from './sink.ts'

/** Others read layouts, too. */
const fileMode = 0o644

/** Begins the names of blobs in the making. */
const MAKING = '.davit-'

/**
 * An OCI layout in a directory, which is made, or empty, or a layout: what that has stays, and isn't copied again. A blob
 * is there when it is whole; what a run that was killed has left of others goes.
 *
 * Errors: ALREADY_EXISTS: something else is there; IN_USE: another davit is at it; DENIED; MALFORMED.
 */
export function openDirectorySink(directory: string): Sink {
  makeLayout(directory)
  const held = hold(directory)
  if (held === undefined) throw unusable('IN_USE', directory, 'another davit is at work on it')
  const at = (name: string) => join(directory, name)
  for (const name of readdirSync(directory)) if (name.startsWith(MAKING)) rmSync(at(name))
  const named = () => (existsSync(at(INDEX)) ? parseIndex(readFileSync(at(INDEX)), mediaTypes.ociIndex).manifests : [])
  const isThere = async ({ digest, size }: Descriptor) =>
    (await stat(at(blobPath(digest))).catch(() => undefined))?.size === size

  async function put(
    descriptor: Descriptor,
    fill: (write: (piece: Uint8Array) => Promise<unknown>) => Promise<unknown>,
  ) {
    const path = at(blobPath(descriptor.digest))
    mkdirSync(dirname(path), { recursive: true })
    const staging = at(`${MAKING}${randomBytes(8).toString('hex')}`)
    try {
      const file = await open(staging, 'wx', fileMode)
      try {
        await fill(piece => file.writeFile(piece))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(staging, path)
      syncDirectory(dirname(path))
    } catch (error) {
      await rm(staging, { force: true })
      throw diskError(error, directory)
    }
  }

  return {
    host: undefined,
    async pushBlob(descriptor, content, options = {}) {
      if (await isThere(descriptor)) return 'exists'
      await put(descriptor, write => receive(content, descriptor, options, write))
      return 'uploaded'
    },
    async hasManifest(descriptor, { tag } = {}) {
      const isNamed = ({ digest, annotations }: Descriptor) =>
        digest === descriptor.digest && annotations?.[REF_NAME] === tag
      return (tag === undefined || named().some(isNamed)) && (await isThere(descriptor))
    },
    async pushManifest(descriptor, bytes, { tag } = {}) {
      if (!(await isThere(descriptor))) await put(descriptor, write => write(bytes))
      if (tag === undefined) return
      writeFileDurably(at(INDEX), formatIndex(named(), descriptor, tag), { mode: fileMode })
    },
    end: async () => undefined,
    async close() {
      held.release()
    },
  }
}

function makeLayout(directory: string): void {
  try {
    mkdirSync(directory)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw unusable('NOT_FOUND', directory, `there is no ${dirname(directory)}`)
    if (errnoOf(error) !== 'EEXIST') throw diskError(error, directory)
  }
  if (!statSync(directory).isDirectory()) throw unusable('ALREADY_EXISTS', directory, 'it is not a directory')
  const names = readdirSync(directory)
  if (names.includes(LAYOUT)) return
  if (names.length > 0) throw unusable('ALREADY_EXISTS', directory, 'there is something else than a layout')
  writeFileDurably(join(directory, LAYOUT), layoutText, { mode: fileMode })
}

function unusable(code: 'NOT_FOUND' | 'ALREADY_EXISTS' | 'IN_USE', directory: string, why: string): ImageError {
  return new ImageError(code, `Cannot copy into ${directory}: ${why}`, { what: 'directory', name: directory })
}
