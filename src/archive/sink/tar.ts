import { lstatSync } from 'node:fs'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ImageError } from '../../errors.ts'
import { padding } from '../../layer/tar/header.ts'
import { endMark, formatHeader } from '../../layer/tar/writer.ts'
import { Turns } from '../../pull/schedule.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import type { Digest } from '../../spec/digest.ts'
import { diskError } from '../../system/disk-error.ts'
import { syncDirectory } from '../../system/files.ts'
import { blobPath } from '../oci-layout.ts'
import { INDEX } from '../source/layout.ts'
import { formatIndex, LAYOUT, layoutText, receive, type Sink } from './sink.ts'

/**
 * An OCI layout in a tar. It is written at `PATH.new`, blob after blob as they come, and has its name when it is whole.
 *
 * Errors: INVALID_ARGUMENT: something that is no file has the name; DENIED, NO_SPACE.
 */
export async function openTarSink(path: string): Promise<Sink> {
  const target = resolve(path)
  if (lstatSync(target, { throwIfNoEntry: false })?.isFile() === false) throw noFile(target)
  const staging = `${target}.new`
  const file = await open(staging, 'w').catch(error => {
    throw diskError(error, target)
  })
  // A tar is one stream: blobs wait for each other.
  const turns = new Turns(1)
  const written = new Set<Digest>()
  let index: string | undefined
  /** What is half written can't be taken back. */
  let failure: { readonly error: unknown } | undefined

  async function put(name: string, size: number, fill: (write: Write) => Promise<unknown>): Promise<void> {
    if (failure !== undefined) throw failure.error
    try {
      await file.writeFile(formatHeader({ type: 'file', path: Buffer.from(name), size }))
      await fill(piece => file.writeFile(piece))
      await file.writeFile(Buffer.alloc(padding(size)))
    } catch (error) {
      failure = { error: diskError(error, target) }
      throw failure.error
    }
  }

  async function putBlob({ digest, size }: Descriptor, fill: (write: Write) => Promise<unknown>): Promise<boolean> {
    return await turns.take(async () => {
      if (written.has(digest)) return false
      await put(blobPath(digest), size, fill)
      written.add(digest)
      return true
    })
  }

  const putText = (name: string, text: string) => put(name, Buffer.byteLength(text), write => write(Buffer.from(text)))

  return {
    host: undefined,
    async pushBlob(descriptor, content, options = {}) {
      const isNew = await putBlob(descriptor, write => receive(content, descriptor, options, write))
      return isNew ? 'uploaded' : 'exists'
    },
    hasManifest: async ({ digest }, { tag } = {}) => tag === undefined && written.has(digest),
    async pushManifest(descriptor, bytes, { tag } = {}) {
      await putBlob(descriptor, write => write(bytes))
      if (tag !== undefined) index = formatIndex([], descriptor, tag)
    },
    async end() {
      if (index === undefined) throw new TypeError('Nothing in it has a name')
      await putText(LAYOUT, layoutText)
      await putText(INDEX, index)
      await file.writeFile(endMark)
      await file.sync()
      await rename(staging, target)
      syncDirectory(dirname(target))
    },
    close: () => closed(file, staging),
  }
}

type Write = (piece: Uint8Array) => Promise<unknown>

/** What has its name by now isn't there any more. */
async function closed(file: FileHandle, staging: string): Promise<void> {
  await file.close()
  await rm(staging, { force: true })
}

function noFile(target: string): ImageError {
  const details = { argument: 'dest', value: target }
  return new ImageError('INVALID_ARGUMENT', `Cannot write ${target}: something that is no file is there`, details)
}
