import { constants } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { padding } from '../layer/tar/header.ts'
import { endMark, formatHeader } from '../layer/tar/writer.ts'
import type { Digest } from '../spec/digest.ts'
import { piecesOf } from '../store/content/read.ts'
import type { ContentStore } from '../store/content/store.ts'
import type { ArchiveFile } from './archive-file.ts'

interface Operation {
  readonly signal: AbortSignal
}

/**
 * Files as one tar. The same files give the same bytes: root's, of 1970.
 *
 * Shape:  pieces of 1 MiB at most; each the receiver's own.
 * Errors: NOT_FOUND: a blob isn't in the store.
 */
export async function* writeArchive(
  store: ContentStore,
  files: readonly ArchiveFile[],
  { signal }: Operation,
): AsyncGenerator<Uint8Array> {
  for (const { path, content } of files) {
    const name = { type: 'file', path: Buffer.from(path) } as const
    if (typeof content !== 'string') {
      yield Buffer.concat([formatHeader({ ...name, size: content.length }), content, gap(content.length)])
      continue
    }
    const blob = await store.open(content)
    try {
      yield formatHeader({ ...name, size: blob.size })
      yield* piecesOf(blob, { signal })
      yield gap(blob.size)
    } finally {
      await blob.close()
    }
  }
  yield endMark
}

/**
 * Files below a directory, which exists. What was written stays after a failure.
 *
 * Errors: NOT_FOUND: a blob isn't in the store; system errors.
 */
export async function writeFiles(
  store: ContentStore,
  files: readonly ArchiveFile[],
  directory: string,
  { signal }: Operation,
): Promise<void> {
  for (const { path, content } of files) {
    signal.throwIfAborted()
    const target = join(directory, path)
    await mkdir(dirname(target), { recursive: true })
    if (typeof content === 'string') await writeBlob(store, content, target, signal)
    else await writeFile(target, content, { flag: 'wx' })
  }
}

async function writeBlob(store: ContentStore, digest: Digest, target: string, signal: AbortSignal): Promise<void> {
  const blob = await store.open(digest)
  try {
    // The kernel's copy carries the blob's mode, read-only, which suits a blob there too.
    if (blob.path === undefined) await writeFile(target, piecesOf(blob, { signal }), { flag: 'wx' })
    else await copyFile(blob.path, target, constants.COPYFILE_FICLONE)
  } finally {
    await blob.close()
  }
}

function gap(size: number): Buffer {
  return Buffer.alloc(padding(size))
}
