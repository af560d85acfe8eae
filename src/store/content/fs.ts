import { closeSync, existsSync, fchmodSync, fstatSync, fsync, ftruncateSync, statSync } from 'node:fs'
import { open, readdir, rename, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { errnoOf, ImageError } from '../../errors.ts'
import { algorithmOf, type Digest, isDigest } from '../../spec/digest.ts'
import { diskError } from '../../system/disk-error.ts'
import type { Workers } from '../../system/workers.ts'
import { holdFile, removeUnheld } from '../held-file.ts'
import { sweepLayerIndexes } from '../layer-indexes.ts'
import { algorithms, ingestKey, type Layout } from '../layout.ts'
import { emptyTrash, throwAway } from '../trash.ts'
import { FsIngest, type Partial } from './fs-ingest.ts'
import { openFsReader } from './fs-reader.ts'
import type { LabelStore } from './labels.ts'
import type { BlobInfo, ContentStore, Ingest, IngestOptions, IngestStatus, Labels, Want } from './store.ts'

export interface FsStoreParts {
  readonly layout: Layout
  readonly labels: LabelStore
  readonly workers: Workers
  /** Whether a committed blob survives a power cut. Default true. */
  readonly durable?: boolean
}

/**
 * Blobs as files of an OCI image layout. A partial blob is a file in the ingest directory, and its own lock: whoever
 * holds the flock may write it, rename it to its blob, or remove it.
 */
export function openFsStore({ layout, labels, workers, durable = true }: FsStoreParts): ContentStore {
  const held = new Map<FsIngest, Want>()

  async function info(digest: Digest): Promise<BlobInfo> {
    const found = await infoIfThere(digest)
    if (found === undefined) throw notFound('blob', digest)
    return found
  }

  async function infoIfThere(digest: Digest): Promise<BlobInfo | undefined> {
    // Faster than asking another thread: collections look at every blob while pulls wait.
    const stats = statSync(layout.blob(digest), { throwIfNoEntry: false })
    if (stats === undefined) return undefined
    return { digest, size: stats.size, createdAt: stats.mtime, labels: await labels.get(digest) }
  }

  async function publish(fd: number, path: string, digest: Digest, given: Labels): Promise<BlobInfo> {
    const blob = layout.blob(digest)
    if ((await ifThere(stat(blob))) === undefined) {
      fchmodSync(fd, 0o444)
      if (durable) await promisify(fsync)(fd)
      // Labels first: a visible blob never lacks them, so no collection takes what they lead to.
      await labels.change(digest, given)
      await rename(path, blob)
      if (durable) await syncDirectory(layout.blobs(algorithmOf(digest)))
    } else {
      await labels.change(digest, given)
      await unlink(path)
    }
    return await info(digest)
  }

  async function ingest(key: string, want: Want, options?: IngestOptions): Promise<Ingest | BlobInfo> {
    const path = layout.ingest(key)
    const present = await infoIfThere(want.digest)
    if (present !== undefined) return present
    const fd = await hold(path, options)
    try {
      // Whoever held it before may have made the blob.
      const made = await infoIfThere(want.digest)
      if (made === undefined) return begin(key, want, fd, path, options)
      await unlink(path)
      closeSync(fd)
      return made
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  function begin(key: string, want: Want, fd: number, path: string, { isCold = false }: IngestOptions = {}): Ingest {
    let { size } = fstatSync(fd)
    if (want.size !== undefined && size > want.size) {
      ftruncateSync(fd, 0)
      size = 0
    }
    const partial: Partial = {
      fd,
      path,
      size,
      isCold,
      publish: given => publish(fd, path, want.digest, given),
      onEnd: () => held.delete(begun),
    }
    const begun = new FsIngest(key, want, partial, workers)
    held.set(begun, want)
    return begun
  }

  async function discard(digests: readonly Digest[]): Promise<() => Promise<void>> {
    // Labels first: should a blob come back one day, it must not be rooted by what it once was.
    await labels.clear(digests)
    // Of a layer's tar: what was made from it goes with it.
    return throwAway(
      layout.trash,
      digests.flatMap(digest => [layout.blob(digest), layout.index(digest)]),
    )
  }

  return {
    info,
    ingest,
    async open(digest) {
      const reader = await ifThere(openFsReader(layout.blob(digest)))
      if (reader === undefined) throw notFound('blob', digest)
      return reader
    },
    async label(digest, changes) {
      await info(digest)
      await labels.change(digest, changes)
      return await info(digest)
    },
    async *walk() {
      for (const algorithm of algorithms) {
        for (const name of await readdir(layout.blobs(algorithm))) {
          const digest = `${algorithm}:${name}`
          const found = isDigest(digest) ? await infoIfThere(digest) : undefined
          if (found !== undefined) yield found
        }
      }
    },
    async invalidate(digest) {
      await info(digest)
      await ifThere(unlink(layout.blob(digest)))
    },
    async delete(digest) {
      await info(digest)
      const free = await discard([digest])
      await free()
    },
    discard,
    async *orphans() {
      for await (const one of labels.walk()) if (!existsSync(layout.blob(one.digest))) yield one
    },
    async *ingests() {
      for (const name of await readdir(layout.ingests)) {
        const key = ingestKey(name)
        const status = key === undefined ? undefined : await statusOf(key)
        if (status !== undefined) yield status
      }
    },
    async abort(key) {
      if (!(await removeUnheld(layout.ingest(key)))) throw notFound('ingest', key)
    },
    async cleanup() {
      let removed = await emptyTrash(layout.trash)
      for (const algorithm of algorithms) {
        const isThere = (tar: string) => existsSync(join(layout.blobs(algorithm), tar))
        removed += sweepLayerIndexes(layout.indexes(algorithm), isThere)
      }
      return removed
    },
    async close() {
      await Promise.all([...held.keys()].map(ingest => ingest.close()))
    },
  }

  async function statusOf(key: string): Promise<IngestStatus | undefined> {
    const stats = await ifThere(stat(layout.ingest(key)))
    if (stats === undefined) return undefined
    const status = { key, offset: stats.size, startedAt: stats.birthtime, updatedAt: stats.mtime }
    const total = [...held].find(([ingest]) => ingest.key === key)?.[1].size
    return total === undefined ? status : { ...status, total }
  }
}

async function hold(path: string, { lockTimeoutMs: timeoutMs, ...options }: IngestOptions = {}): Promise<number> {
  try {
    return await holdFile(path, timeoutMs === undefined ? options : { ...options, timeoutMs })
  } catch (error) {
    throw diskError(error, path)
  }
}

async function ifThere<T>(result: Promise<T>): Promise<T | undefined> {
  try {
    return await result
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path)
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function notFound(what: string, name: string): ImageError {
  return new ImageError('NOT_FOUND', `Cannot find ${what} ${name}`, { what, name })
}
