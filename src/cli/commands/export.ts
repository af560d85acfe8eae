import { resolve } from 'node:path'
import { dockerArchive } from '../../archive/docker-archive.ts'
import { contentOf, type LayoutContent, ociLayout } from '../../archive/oci-layout.ts'
import { writeArchive, writeFiles } from '../../archive/write.ts'
import { ImageError } from '../../errors.ts'
import { exportErofs } from '../../rootfs/erofs-export.ts'
import { syncFileSystem } from '../../rootfs/sync.ts'
import { exportTar } from '../../rootfs/tar-export.ts'
import { unpackTree } from '../../rootfs/unpack/unpack.ts'
import type { Platform } from '../../spec/platform.ts'
import { parsePlatform } from '../../spec/platform-parse.ts'
import { parseReference, type Reference } from '../../spec/reference.ts'
import { command } from '../command.ts'
import { fillDirectory } from '../fill-directory.ts'
import { platformsFlag } from '../flags.ts'
import { type LocalImage, localOnly, requireBlobs, withImage } from '../local-layers.ts'
import { type LocalImages, withLocalRoot } from '../local-root.ts'
import { everyPlatform } from '../platforms.ts'
import { replaceFile } from '../replace-file.ts'
import { invalidFlag } from '../typed.ts'

const formats = ['oci', 'oci-archive', 'docker-archive', 'tar', 'dir', 'erofs'] as const
/** Those that are directories, and those that have room for names. */
const directories: readonly string[] = ['oci', 'dir']
const named: readonly string[] = ['oci', 'oci-archive', 'docker-archive']
/** Those that have room for several images. */
const layouts: readonly string[] = ['oci', 'oci-archive']

export const exportCommand = command({
  description: `A file that is there is replaced, when the new one is whole; a directory must be empty, or not there yet. The same image gives the same bytes. oci, oci-archive: an OCI layout, as a directory and as a tar, every blob as it was pulled; of several platforms their index, as it was if all of its images are meant and here, else a new one. docker-archive: what docker load and podman load read. tar, dir: the files of the image. erofs: one file that holds everything, to be mounted or to be a virtual machine’s read-only disk. ${localOnly}`,
  arguments: {
    ref: { summary: 'Image that is here' },
    file: { summary: 'File or directory to write, or - for stdout' },
  },
  flags: {
    format: { value: 'FORMAT', choices: formats, summary: 'What to write' },
    tag: { value: 'NAME', summary: 'Name of the image in what is written (default: REF, if it has a tag)', many: true },
    platform: {
      ...platformsFlag.platform,
      summary: 'Platform of the image; several, or all that are here, for layouts (default: this machine’s)',
    },
  },
  async run(context, { ref, file, format, tag, platform }) {
    if (format === undefined) throw noFormat()
    if (file === '-' && directories.includes(format)) throw invalidFlag('--format', format, 'it is a directory')
    if (tag.length > 0 && !named.includes(format)) throw invalidFlag('--tag', '', `${format} has no names`)
    if (file === '-' && context.isTerminal) throw onTerminal()
    const tags = tag.map(parseReference)
    const isOne = platform.length < 2 && platform[0] !== everyPlatform
    if (!isOne && !layouts.includes(format)) throw invalidFlag('--platform', '', `${format} has room for one image`)
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
      if (isOne) return withImage(context, parts, { ref, platform: platform[0] }, writeImage)
      return withLocalRoot(parts, parseReference(ref), chosenPlatforms(platform, context.host), writeImages)
    }

    async function put(pieces: AsyncIterable<Uint8Array>): Promise<void> {
      if (file !== '-') return replaceFile(file, pieces)
      for await (const piece of pieces) await context.write(piece)
    }

    function namesFor(reference: Reference): readonly Reference[] {
      return tags.length > 0 ? tags : reference.tag === undefined ? [] : [reference]
    }

    async function writeLayout(content: LayoutContent, reference: Reference): Promise<void> {
      const [store, written] = [await parts.contentStore(), ociLayout(content, namesFor(reference))]
      if (format === 'oci') await writeFiles(store, written, directory, { signal })
      else await put(writeArchive(store, written, { signal }))
    }

    async function writeImages({ images, remark, ...local }: LocalImages): Promise<void> {
      if (remark !== undefined) context.note(remark)
      await writeLayout({ ...local, blobs: images.flatMap(({ blobs }) => blobs) }, parseReference(ref))
    }

    async function writeImage({ image, reference, layers }: LocalImage): Promise<void> {
      switch (format) {
        case 'oci':
        case 'oci-archive':
          await requireBlobs(await parts.contentStore(), image, reference)
          return writeLayout(contentOf(image), reference)
        case 'docker-archive':
          await layers()
          return put(writeArchive(await parts.contentStore(), dockerArchive(image, namesFor(reference)), { signal }))
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

/** Undefined for all that are here. Errors: INVALID_ARGUMENT. */
function chosenPlatforms(typed: readonly string[], host: Platform): readonly Platform[] | undefined {
  return typed.includes(everyPlatform) ? undefined : typed.map(text => parsePlatform(text, host))
}

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
