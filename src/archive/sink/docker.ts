import { ImageError } from '../../errors.ts'
import { decompress } from '../../layer/compression/decompress.ts'
import { ImageMeter, LayerMeter } from '../../layer/quota.ts'
import { fetchDocument } from '../../pull/fetch-document.ts'
import type { Fetcher, PushBlobOptions } from '../../registry/registry.ts'
import { parseConfig } from '../../spec/config.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import { type Digest, digestFrom, newHash } from '../../spec/digest.ts'
import { malformed, printable } from '../../spec/json.ts'
import { parseManifest } from '../../spec/manifest.ts'
import { isEncrypted, isLayer, mayBeConfig, mediaTypes } from '../../spec/media-types.ts'
import type { Reference } from '../../spec/reference.ts'
import { judge } from '../../store/content/verify.ts'
import { MANIFEST, savedList, savedManifest, savedPath } from '../docker-archive.ts'
import { MadeDocuments } from '../source/blobs.ts'
import { received, type Sink } from './sink.ts'
import { openTarFile, type Write } from './tar-file.ts'

/** A layer as it is in the archive: uncompressed. */
type Saved = Pick<Descriptor, 'digest' | 'size'>

/**
 * An archive that `docker load` reads, of one image: its layers are unpacked as they come. What a layer unpacks to must
 * be what the config says of it, or there is no archive.
 *
 * Errors: as {@link openTarFile}; of pushing also UNSUPPORTED for what is no image, or has layers elsewhere; MALFORMED,
 *         LIMIT_EXCEEDED for layers that can't be unpacked.
 * Source: Docker, "Image Specification v1.2", "Combined Image JSON + Filesystem Changeset Format".
 */
export async function openDockerSink(path: string, name: Reference | undefined): Promise<Sink> {
  const tar = await openTarFile(path)
  const meter = new ImageMeter()
  const configs = new Map<Digest, Uint8Array>()
  const layers = new Map<Digest, Saved>()
  const written = new Set<Digest>()
  let image: Descriptor | undefined

  async function putLayer(blob: Descriptor, content: Pick<Fetcher, 'fetch'>, options: PushBlobOptions): Promise<void> {
    await tar.putUnnamed(async write => {
      const saved = await unpackTo(write, blob, content, options)
      meter.add({ bytes: saved.size, entries: 0 })
      layers.set(blob.digest, saved)
      if (written.has(saved.digest)) return undefined
      written.add(saved.digest)
      return savedPath.layer(saved.digest)
    })
  }

  async function unpackTo(
    write: Write,
    blob: Descriptor,
    content: Pick<Fetcher, 'fetch'>,
    options: PushBlobOptions,
  ): Promise<Saved> {
    const layerMeter = new LayerMeter(meter.allowance())
    const hash = newHash()
    let size = 0
    const download = await content.fetch(blob, options.signal === undefined ? {} : { signal: options.signal })
    for await (const piece of decompress(layerMeter.compressed(received(download, blob, options)))) {
      layerMeter.unpacked(piece.length)
      hash.update(piece)
      size += piece.length
      await write(piece)
    }
    return { digest: digestFrom(hash), size }
  }

  async function putBytes(path: string, bytes: Uint8Array): Promise<void> {
    await tar.inTurn(() => tar.put(path, bytes.length, write => write(bytes)))
  }

  return {
    host: undefined,
    async pushBlob(descriptor, content, options = {}) {
      const { digest, mediaType } = descriptor
      if (isLayer(mediaType) && !isEncrypted(mediaType)) await tar.inTurn(() => putLayer(descriptor, content, options))
      else if (!mayBeConfig(mediaType)) throw notSaved(digest, mediaType, `it is of type ${printable(mediaType)}`)
      else configs.set(digest, await fetchDocument(content, descriptor, options.signal ?? neverAborted))
      return 'uploaded'
    },
    hasManifest: async () => false,
    async pushManifest({ digest, mediaType }, bytes) {
      const manifest = parseManifest(bytes, mediaType)
      const config = configs.get(manifest.config.digest)
      if (config === undefined) throw notSaved(digest, mediaType, 'it has no config')
      const { diffIds } = parseConfig(config)
      const saved = manifest.layers.map(({ digest, mediaType }) => {
        const layer = layers.get(digest)
        if (layer === undefined) throw notSaved(digest, mediaType, 'it is elsewhere, where its URLs say')
        return { mediaType: mediaTypes.dockerLayer, ...layer }
      })
      if (saved.length !== diffIds.length)
        throw malformed('config', `it names ${diffIds.length} layers of ${saved.length}`)
      for (const [at, diffId] of diffIds.entries()) judge({ digest: diffId }, saved[at] ?? { digest: diffId, size: 0 })
      await putBytes(savedPath.config(manifest.config.digest), config)
      const list = savedList(manifest.config.digest, diffIds, name === undefined ? [] : [name])
      await putBytes(MANIFEST, Buffer.from(JSON.stringify(list)))
      image = new MadeDocuments().add(mediaTypes.dockerManifest, savedManifest(manifest.config, saved))
    },
    async end() {
      if (image === undefined) throw new TypeError('There is no image in it')
      await tar.end()
      return image
    },
    close: () => tar.close(),
  }
}

const neverAborted = new AbortController().signal

function notSaved(digest: Digest, what: string, why: string): ImageError {
  return new ImageError('UNSUPPORTED', `Cannot put ${digest} into an archive for Docker: ${why}`, { what })
}
