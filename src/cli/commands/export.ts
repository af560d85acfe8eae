import { resolve } from 'node:path'
import { dockerArchive } from '../../archive/docker-archive.ts'
import { ociLayout } from '../../archive/oci-layout.ts'
import { writeArchive, writeFiles } from '../../archive/write.ts'
import { ImageError } from '../../errors.ts'
import { exportErofs } from '../../rootfs/erofs-export.ts'
import { syncFileSystem } from '../../rootfs/sync.ts'
import { exportTar } from '../../rootfs/tar-export.ts'
import { unpackTree } from '../../rootfs/unpack/unpack.ts'
import { parseReference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { fillDirectory } from '../fill-directory.ts'
import { platformFlag } from '../flags.ts'
import { type LocalImage, localOnly, requireBlobs, withImage } from '../local-layers.ts'
import { replaceFile } from '../replace-file.ts'
import { invalidFlag } from '../typed.ts'

const formats = ['oci', 'oci-archive', 'docker-archive', 'tar', 'dir', 'erofs'] as const
/** Those that are directories, and those that have room for names. */
const directories: readonly string[] = ['oci', 'dir']
const named: readonly string[] = ['oci', 'oci-archive', 'docker-archive']

export const exportCommand = command({
  description: `A file that is there is replaced, when the new one is whole; a directory must be empty, or not there yet. The same image gives the same bytes. oci, oci-archive: an OCI layout, as a directory and as a tar, every blob as it was pulled. docker-archive: what docker load and podman load read. tar, dir: the files of the image. erofs: one file that holds everything, to be mounted or to be a virtual machine’s read-only disk. ${localOnly}`,
  arguments: {
    ref: { summary: 'Image that is here' },
    file: { summary: 'File or directory to write, or - for stdout' },
  },
  flags: {
    format: { value: 'FORMAT', choices: formats, summary: 'What to write' },
    tag: { value: 'NAME', summary: 'Name of the image in what is written (default: REF, if it has a tag)', many: true },
    ...platformFlag,
  },
  async run(context, { file, format, tag, ...typed }) {
    if (format === undefined) throw noFormat()
    if (file === '-' && directories.includes(format)) throw invalidFlag('--format', format, 'it is a directory')
    if (tag.length > 0 && !named.includes(format)) throw invalidFlag('--tag', '', `${format} has no names`)
    if (file === '-' && context.isTerminal) throw onTerminal()
    const tags = tag.map(parseReference)
    const { signal } = context
    const parts = await context.look()
    const directory = resolve(file)
    if (!directories.includes(format)) return write()
    // Whoever dies in between may run it again: the directory is finished last.
    await fillDirectory(await parts.treeWorkers(), directory, async () => {
      await write()
      await syncFileSystem(await parts.workers(), directory)
    })

    function write(): Promise<void> {
      return withImage(context, parts, typed, writeImage)
    }

    async function writeImage({ image, reference, layers }: LocalImage): Promise<void> {
      const store = await parts.contentStore()
      const names = tags.length > 0 ? tags : reference.tag === undefined ? [] : [reference]
      const put = async (pieces: AsyncIterable<Uint8Array>) => {
        if (file !== '-') return replaceFile(file, pieces)
        for await (const piece of pieces) await context.write(piece)
      }

      switch (format) {
        case 'oci':
          await requireBlobs(store, image, reference)
          return writeFiles(store, ociLayout(image, names), directory, { signal })
        case 'oci-archive':
          await requireBlobs(store, image, reference)
          return put(writeArchive(store, ociLayout(image, names), { signal }))
        case 'docker-archive':
          await layers()
          return put(writeArchive(store, dockerArchive(image, names), { signal }))
        case 'tar':
          return put(exportTar(await parts.workers(), await layers(), { signal }))
        case 'dir': {
          const [openWorker, stored] = [await parts.imageWorkers(), await layers()]
          return unpackTree(openWorker, stored, directory, { signal, onWarning: context.note })
        }
        case 'erofs':
          return put(exportErofs(await parts.workers(), await layers(), { signal }))
      }
    }
  },
})

function noFormat(): ImageError {
  const details = { argument: '--format' }
  return new ImageError('INVALID_ARGUMENT', 'Cannot export without a format', details, {
    hint: `--format ${formats.join('|')}`,
  })
}

function onTerminal(): ImageError {
  const details = { argument: 'file', value: '-' }
  return new ImageError('INVALID_ARGUMENT', 'Cannot export to a terminal', details, {
    hint: 'name a file, or use a pipe',
  })
}
