import { gzipSync } from 'node:zlib'
import { type Digest, digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { amd64, configOf } from '../cli/davit.ts'
import { asRoot } from '../conformance/scratch.ts'
import { Random } from '../fuzz/random.ts'
import type { Item } from '../rootfs/extract/stack.ts'
import { tarOf } from '../support/layers.ts'
import type { TestRegistry } from '../support/registry.ts'

export interface SampleLayer {
  readonly digest: Digest
  /** In bytes, compressed. */
  readonly size: number
  readonly diffId: Digest
}

const directory = (path: string): Item => ({ path, type: 'directory', mode: 0o755 })

/** Three layers of some forty files: all types, links, whiteouts. The second is too long to be fetched twice unnoticed. */
function sampleLayers(): readonly Buffer[] {
  const files = Array.from({ length: 24 }, (_, n) => ({ path: `usr/f${n}`, content: `${n}\n`.repeat(40 * n) }))
  const big = new Random(1).bytes(3 << 20).toString('base64')
  return [
    tarOf([
      directory('etc'),
      directory('usr'),
      { path: 'etc/motd', content: 'ahoy\n', ...(asRoot && { xattrs: { 'user.a': '1' } }) },
      { path: 'etc/old', content: 'to go\n' },
      ...files,
      { path: 'usr/setuid', content: 'su', mode: 0o4755 },
      { path: 'usr/link', type: 'symlink', link: '../etc/motd', mode: 0o777 },
      { path: 'usr/again', type: 'hardlink', link: 'usr/f7' },
      { path: 'usr/pipe', type: 'fifo' },
    ]),
    tarOf([directory('opt'), { path: 'opt/big', content: big }, { path: 'etc/.wh.old' }]),
    tarOf([
      directory('usr'),
      { path: 'usr/.wh.f3' },
      { path: 'usr/f4', content: 'new' },
      { path: 'usr/more', content: 'x' },
    ]),
  ]
}

const layers = sampleLayers()

/** Puts the image at the registry under these tags; answers its layers, as they are fetched and as tars. */
export function putSampleImage(registry: TestRegistry, tags: readonly string[]): readonly SampleLayer[] {
  const blobs = layers.map((layer, n) =>
    n === 0 ? registry.putBlob(gzipSync(layer), mediaTypes.ociLayerGzip) : registry.putBlob(layer, mediaTypes.ociLayer),
  )
  registry.putImage({ config: configOf(amd64, layers), layers: blobs, tags })
  return blobs.map(({ digest, size }, n) => ({ digest, size, diffId: digestOf(layers[n] ?? '') }))
}
