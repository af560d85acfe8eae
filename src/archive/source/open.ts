import { constants, createReadStream, openSync, type Stats, statSync } from 'node:fs'
import { errnoOf, hasCode, ImageError } from '../../errors.ts'
import { decompress } from '../../layer/compression/decompress.ts'
import { sniff } from '../../layer/compression/index.ts'
import { ImageMeter, LayerMeter, type Quotas } from '../../layer/quota.ts'
import { blockBytes } from '../../layer/tar/header.ts'
import { malformed } from '../../spec/json.ts'
import type { Platform } from '../../spec/platform.ts'
import { writeAll } from '../../system/files.ts'
import { MANIFEST } from '../docker-archive.ts'
import { openDirectory, plainFile } from './directory.ts'
import { readDockerArchive } from './docker.ts'
import { downloadRange, type FileRange, headOf, shared } from './file-range.ts'
import type { Files } from './files.ts'
import { INDEX, LAYOUT, readLayout } from './layout.ts'
import { REPOSITORIES, readOldDockerArchive } from './old-docker.ts'
import { readRootfs } from './rootfs.ts'
import type { ImageSource, Images } from './source.ts'
import type { SourceFormat, SourceSpec } from './spec.ts'
import { openTar } from './tar.ts'
import { noLayout, refuseNoTar, refuseUnknown } from './unknown.ts'

export interface OpenOptions {
  /** For files that don't say what they are for. */
  readonly platform: Platform
  /** Opens an empty file that nobody else sees, for what must be unpacked, or kept, to be read. */
  readonly scratch: () => number
  /** What `-` stands for. */
  readonly stdin: () => AsyncIterable<Uint8Array>
  /** Default: `defaultQuotas`, each. */
  readonly quotas?: Partial<Quotas>
  readonly signal: AbortSignal
}

/** Where what was opened is noted, to be closed, the last first. */
type Opened = { close(): void }[]

/**
 * Opens a directory or file that holds images. Without a format a directory is a layout, and a file what the names of
 * its members say; when they don't, it is a tar of files.
 *
 * Errors: NOT_FOUND, INVALID_ARGUMENT for the path; UNSUPPORTED for compressions that davit doesn't have; MALFORMED,
 *         LIMIT_EXCEEDED, UNSAFE for what is in it; what the disk says. Nothing stays open.
 */
export async function openSource({ format, path }: SourceSpec, options: OpenOptions): Promise<ImageSource> {
  const opened: Opened = []
  const close = () => {
    for (const one of opened.splice(0).toReversed()) one.close()
  }
  try {
    const isDirectory = path !== '-' && statOf(path).isDirectory()
    if (isDirectory !== ((format ?? (isDirectory ? 'oci' : 'tar')) === 'oci')) throw otherKind(path, isDirectory)
    const images = isDirectory
      ? await readDirectory(noted(openDirectory(path), opened))
      : await readFile(await openFile(path, options, opened), format, options, opened)
    return { ...images, close }
  } catch (error) {
    close()
    throw error
  }
}

async function readDirectory(files: Files): Promise<Images> {
  if (!(await has(files, LAYOUT))) throw noLayout(files.path, await has(files, MANIFEST))
  return readLayout(files)
}

async function readFile(
  range: FileRange,
  format: SourceFormat | undefined,
  options: OpenOptions,
  opened: Opened,
): Promise<Images> {
  const { platform, quotas, signal } = options
  const allowance = new ImageMeter(quotas).allowance()
  const head = await headOf(range, 6)
  refuseUnknown(head, range.path)
  const rootfs = () => readRootfs(range, { platform, allowance, signal })
  const packing = sniff(head).name
  const isPlain = packing === 'none'
  if (isPlain) refuseNoTar(await headOf(range, blockBytes), { path: range.path, format, packing })
  if (format === 'tar') return rootfs()

  const meter = new LayerMeter(allowance)
  async function* uncompressed(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of decompress(meter.compressed(downloadRange(shared(range), { signal })))) {
        meter.unpacked(piece.length)
        yield piece
      }
    } catch (error) {
      throw hasCode(error, 'MALFORMED')
        ? malformed(range.path, `its ${packing} stream is damaged or cut off`, error)
        : error
    }
  }
  const tar = isPlain ? range : await spool(uncompressed(), range.path, options, opened)
  if (!isPlain) refuseNoTar(await headOf(tar, blockBytes), { path: range.path, format, packing })
  const files = await openTar(tar, { signal }).catch((error: unknown) => {
    // More than an archive of images has.
    if (format === undefined && hasCode(error, 'LIMIT_EXCEEDED')) return undefined
    throw error
  })
  if (files === undefined) return rootfs()
  // Docker writes both; a layout keeps the digests.
  const isLayout = format === 'oci-archive' || (await has(files, INDEX))
  if (isLayout) return readLayout(files)
  if (await has(files, MANIFEST)) return readDockerArchive(files, { signal })
  if (await has(files, REPOSITORIES)) return readOldDockerArchive(files, { quotas, signal })
  return format === 'docker-archive' ? readDockerArchive(files, { signal }) : rootfs()
}

async function openFile(path: string, options: OpenOptions, opened: Opened): Promise<FileRange> {
  if (path === '-') return spool(options.stdin(), 'stdin', options, opened)
  if (statOf(path).isFIFO()) return spool(createReadStream(path), path, options, opened)
  return noted(plainFile(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), path), opened)
}

/** Keeps a stream in a file, so that it can be read at any place. */
async function spool(
  stream: AsyncIterable<Uint8Array>,
  path: string,
  { scratch, signal }: OpenOptions,
  opened: Opened,
): Promise<FileRange> {
  const file = noted(plainFile(scratch(), path), opened)
  let size = 0
  for await (const piece of stream) {
    signal.throwIfAborted()
    writeAll(file.fd, piece)
    size += piece.length
  }
  return { ...file, size }
}

function noted<T extends { close(): void }>(made: T, opened: Opened): T {
  opened.push(made)
  return made
}

async function has(files: Files, name: string): Promise<boolean> {
  const range = await files.open(name)
  range?.close()
  return range !== undefined
}

function statOf(path: string): Stats {
  try {
    return statSync(path)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error
    throw new ImageError('NOT_FOUND', `Cannot open ${path}: there is no such file`, { what: 'file', name: path })
  }
}

function otherKind(path: string, isDirectory: boolean): ImageError {
  const [found, hint] = isDirectory ? ['a directory', `oci:${path}`] : ['no directory', `oci-archive:${path}`]
  const details = { argument: 'source', value: path }
  return new ImageError('INVALID_ARGUMENT', `Cannot open ${path}: it is ${found}`, details, { hint })
}
