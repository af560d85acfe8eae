import { constants } from 'node:fs'
import { chmod, copyFile, mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Artifact } from '../../pull/artifact.ts'
import { syncFileSystem } from '../../rootfs/sync.ts'
import { formatReference, parseReference } from '../../spec/reference.ts'
import type { ContentStore } from '../../store/content/store.ts'
import { diskError } from '../../system/disk-error.ts'
import { command } from '../command.ts'
import { fillDirectory, isThere } from '../fill-directory.ts'
import { isResumed } from '../fill-from-image.ts'
import { jsonFlag, lockTimeoutFlag, pullFlags, registryFlags } from '../flags.ts'
import { formatJson } from '../table.ts'
import { connectionsOf, lockTimeoutOf, registryOf } from '../typed.ts'
import { watched } from '../watch.ts'

/** No more than a file of one's own: nobody said who may run it. */
const fileMode = 0o644

export const artifactPull = command({
  description:
    'For what isn’t an image: each layer that has a title becomes a file of that name. DIR must be empty, or not there yet. A directory that oras has packed comes as its archive. Prints a path a line.',
  arguments: { ref: { summary: 'Artifact, as in docker pull' }, dir: { summary: 'Directory for its files' } },
  flags: {
    ...registryFlags,
    maxConnections: pullFlags.maxConnections,
    progress: pullFlags.progress,
    ...lockTimeoutFlag,
    ...jsonFlag,
  },
  onInterrupt: isResumed,
  async run(context, typed) {
    const reference = parseReference(typed.ref)
    const directory = resolve(typed.dir)
    const lockTimeout = lockTimeoutOf(typed.lockTimeout)
    await isThere(directory)
    const parts = await context.open({
      ...connectionsOf(typed.maxConnections),
      ...(await registryOf(context, [reference], typed)),
    })
    const { withArtifact } = await import('../../pull/artifact.ts')
    const contentStore = await parts.contentStore()
    const workers = await parts.workers()
    const treeWorkers = await parts.treeWorkers()
    const used = { contentStore, workers, resolver: await parts.resolver(), leases: await parts.leases() }
    const { signal } = context
    const artifact = await watched(context, typed.progress, onProgress =>
      withArtifact(used, reference, { signal, onProgress, ...lockTimeout }, async found => {
        await fillDirectory(treeWorkers, directory, async () => {
          await writeFiles(contentStore, found, directory)
          await syncFileSystem(workers, directory)
        })
        return found
      }),
    )
    const files = artifact.files.map(({ path, blob: { digest, size, mediaType } }) => {
      return { path: join(directory, ...path), digest, size, mediaType }
    })
    if (!typed.json) return context.write(files.map(({ path }) => `${path}\n`).join(''))
    const { manifest, type } = artifact
    await context.write(formatJson({ ref: formatReference(reference), digest: manifest.digest, type, files }))
  },
})

/** Into a directory that was empty: there is no link in the way, and no file that could be written over. */
async function writeFiles(contentStore: ContentStore, { files }: Artifact, directory: string): Promise<void> {
  for (const { path, blob } of files) {
    const target = join(directory, ...path)
    const reader = await contentStore.open(blob.digest)
    try {
      if (reader.path === undefined) throw new TypeError('Files can be written from a store of files alone')
      await mkdir(dirname(target), { recursive: true })
      await copyFile(reader.path, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
      await chmod(target, fileMode)
    } catch (error) {
      throw diskError(error, target)
    } finally {
      await reader.close()
    }
  }
}
