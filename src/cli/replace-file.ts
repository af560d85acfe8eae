import { lstat, open, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ImageError } from '../errors.ts'
import { syncDirectory } from '../system/files.ts'

/**
 * Writes a file so that its name stands for the old content or for all of the new one: to `PATH.new` first.
 *
 * Errors: INVALID_ARGUMENT: something other than a file has the name.
 */
export async function replaceFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const target = resolve(path)
  await refuseOther(target)
  const staging = `${target}.new`
  const file = await open(staging, 'w')
  try {
    for await (const piece of pieces) await file.writeFile(piece)
    await file.sync()
  } catch (error) {
    await rm(staging, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await rename(staging, target)
  syncDirectory(dirname(target))
}

/** A device, say, would be replaced by a file. */
async function refuseOther(target: string): Promise<void> {
  const there = await lstat(target).catch(() => undefined)
  if (there === undefined || there.isFile()) return
  const details = { argument: 'file', value: target }
  throw new ImageError('INVALID_ARGUMENT', `Cannot write ${target}: something that is no file is there`, details)
}
