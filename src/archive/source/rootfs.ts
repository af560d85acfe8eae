import { decompress } from '../../layer/compression/decompress.ts'
import { sniff } from '../../layer/compression/index.ts'
import { type Allowance, LayerMeter } from '../../layer/quota.ts'
import { TarReader } from '../../layer/tar/reader.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import { type Digest, digestFrom, newHash } from '../../spec/digest.ts'
import { mediaTypes } from '../../spec/media-types.ts'
import type { Platform } from '../../spec/platform.ts'
import { platformJson } from '../../store/descriptor-json.ts'
import { fetchFrom, MadeDocuments } from './blobs.ts'
import { downloadRange, type FileRange, headOf, shared } from './file-range.ts'
import type { Images } from './source.ts'
import { refuseNoTar } from './unknown.ts'

export interface RootfsOptions {
  /** What the files are for: they don't say it. */
  readonly platform: Platform
  readonly allowance?: Allowance
  readonly signal: AbortSignal
}

/**
 * One image, of one layer: a tar of files, byte for byte, compressed or not. Its config says no more than there must be
 * in one; the same file gives the same image.
 *
 * Errors: MALFORMED and others of decompressor and tar reader; LIMIT_EXCEEDED over the allowance.
 * Source: OCI image-spec v1.1, "Image Configuration".
 */
export async function readRootfs(range: FileRange, { platform, allowance, signal }: RootfsOptions): Promise<Images> {
  const { name: compression } = sniff(await headOf(range, 6))
  const { digest, diffId } = await measure(range, compression, allowance, signal)
  const layer: Descriptor = { mediaType: typeOf[compression], digest, size: range.size }
  const made = new MadeDocuments()
  const config = made.add(mediaTypes.ociConfig, {
    ...platformJson(platform),
    config: {},
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created_by: 'davit import' }],
  })
  const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] }
  const descriptor = made.add(mediaTypes.ociManifest, manifest)
  return {
    images: [{ descriptor, reference: undefined, tag: undefined }],
    fetcher: fetchFrom(range.path, made, async wanted => (wanted === digest ? shared(range) : undefined)),
  }
}

const typeOf = { none: mediaTypes.ociLayer, gzip: mediaTypes.ociLayerGzip, zstd: mediaTypes.ociLayerZstd } as const

/** What a file hashes to as it is and unpacked; it must be a tar to its end. */
async function measure(
  range: FileRange,
  packing: string,
  allowance: Allowance | undefined,
  signal: AbortSignal,
): Promise<{ readonly digest: Digest; readonly diffId: Digest }> {
  const [whole, unpacked] = [newHash(), newHash()]
  const meter = new LayerMeter(allowance)
  const reader = new TarReader(meter.sink({ entry() {}, data() {}, done() {} }))
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const piece of downloadRange(shared(range), { signal })) {
      whole.update(piece)
      yield piece
    }
  }
  for await (const piece of decompress(meter.compressed(bytes()))) {
    if (reader.offset === 0) refuseNoTar(piece, { path: range.path, format: 'tar', packing })
    meter.unpacked(piece.length)
    unpacked.update(piece)
    reader.push(piece)
  }
  reader.end()
  return { digest: digestFrom(whole), diffId: digestFrom(unpacked) }
}
