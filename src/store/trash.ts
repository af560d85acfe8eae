import { randomBytes } from 'node:crypto'
import { readdirSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { errnoOf } from '../errors.ts'
import { makeDirectories } from '../system/files.ts'

/** Files deleted side by side: large ones take a while, each in a thread of its own. */
const DELETED_TOGETHER = 8

/**
 * Moves files into the directory `trash`, which is made when absent: a rename each, however large they are. Those that
 * aren't there are left out. Calling what it answers deletes them.
 */
export function throwAway(trash: string, paths: readonly string[]): () => Promise<void> {
  makeDirectories(trash)
  const thrown: string[] = []
  for (const path of paths) {
    const to = join(trash, `${basename(path)}.${randomBytes(6).toString('hex')}`)
    try {
      renameSync(path, to)
      thrown.push(to)
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error
    }
  }
  return () => deleteAll(thrown)
}

/** Deletes what whoever died had thrown away. Answers how many files. */
export async function emptyTrash(trash: string): Promise<number> {
  const names = namesIn(trash)
  await deleteAll(names.map(name => join(trash, name)))
  return names.length
}

function namesIn(trash: string): readonly string[] {
  try {
    return readdirSync(trash)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  }
}

async function deleteAll(paths: readonly string[]): Promise<void> {
  for (let at = 0; at < paths.length; at += DELETED_TOGETHER) {
    // Another collection may be at it too.
    await Promise.all(paths.slice(at, at + DELETED_TOGETHER).map(path => rm(path, { recursive: true, force: true })))
  }
}
