import { lstatSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ImageError } from '../../errors.ts'
import { padding } from '../../layer/tar/header.ts'
import { endMark, formatHeader } from '../../layer/tar/writer.ts'
import { Turns } from '../../pull/schedule.ts'
import { diskError } from '../../system/disk-error.ts'
import { syncDirectory } from '../../system/files.ts'

export type Write = (piece: Uint8Array) => Promise<unknown>

/** A tar in the making, at `PATH.new`. After a failure nothing more can be put: what is half written can't be taken back. */
export interface TarFile {
  /** Runs what puts members, one after the other: a tar is one stream. */
  inTurn<T>(work: () => Promise<T>): Promise<T>
  /** Puts a member of `size` bytes, which `fill` writes. */
  put(name: string, size: number, fill: (write: Write) => Promise<unknown>): Promise<void>
  /** Puts a member whose size and name, of 100 bytes at most, are known at its end. Without a name it is not there after all. */
  putUnnamed(fill: (write: Write) => Promise<string | undefined>): Promise<void>
  /** It is whole: gives it its name. */
  end(): Promise<void>
  /** Lets go of it; what wasn't ended is gone. */
  close(): Promise<void>
}

/** Errors: INVALID_ARGUMENT: something that is no file has the name; DENIED, NO_SPACE. */
export async function openTarFile(path: string): Promise<TarFile> {
  const target = resolve(path)
  if (lstatSync(target, { throwIfNoEntry: false })?.isFile() === false) throw noFile(target)
  const staging = `${target}.new`
  const file = await open(staging, 'w').catch(error => {
    throw diskError(error, target)
  })
  const turns = new Turns(1)
  let end = 0
  let failure: { readonly error: unknown } | undefined

  async function writeAt(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten
    }
  }

  async function append(bytes: Uint8Array): Promise<void> {
    await writeAt(bytes, end)
    end += bytes.length
  }

  async function whole(work: () => Promise<void>): Promise<void> {
    if (failure !== undefined) throw failure.error
    try {
      await work()
    } catch (error) {
      failure = { error: diskError(error, target) }
      throw failure.error
    }
  }

  return {
    inTurn: work => turns.take(work),
    put: (name, size, fill) =>
      whole(async () => {
        await append(header(name, size))
        await fill(append)
        await append(Buffer.alloc(padding(size)))
      }),
    putUnnamed: fill =>
      whole(async () => {
        const start = end
        await append(header('', 0, true))
        const begin = end
        const name = await fill(append)
        const size = end - begin
        if (name === undefined) end = start
        else {
          await append(Buffer.alloc(padding(size)))
          await writeAt(header(name, size, true), start)
        }
      }),
    async end() {
      await append(endMark)
      await file.truncate(end)
      await file.sync()
      await rename(staging, target)
      syncDirectory(dirname(target))
    },
    async close() {
      await file.close()
      // What has its name by now isn't there any more.
      await rm(staging, { force: true })
    },
  }
}

function header(name: string, size: number, sizeIsExtended = false): Buffer {
  return formatHeader({ type: 'file', path: Buffer.from(name), size }, { sizeIsExtended })
}

function noFile(target: string): ImageError {
  const details = { argument: 'dest', value: target }
  return new ImageError('INVALID_ARGUMENT', `Cannot write ${target}: something that is no file is there`, details)
}
