import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Descriptor } from '../../../src/spec/descriptor.ts'
import { type BuiltImage, buildImage } from '../image.ts'
import { tarOf } from '../layers.ts'

/** Bytes that don't compress, always the same ones. */
export function noise(length: number): Buffer {
  const blocks = Array.from({ length: Math.ceil(length / 64) }, (_, block) =>
    createHash('sha512').update(`${block}`).digest(),
  )
  return Buffer.concat(blocks, length)
}

/** A layer of 2 MiB that doesn't compress, and a small one; another image for each `name`. */
export function sampleNamed(name: string): BuiltImage {
  const tars = [
    tarOf([{ path: `data-${name}`, content: noise(2 * 1024 * 1024).toString('latin1') }]),
    tarOf([{ path: 'etc/motd', content: `ahoy ${name}\n` }]),
  ]
  return buildImage({ layers: tars, compress: tar => gzipSync(tar, { level: 1 }) })
}

/** What hosts serve unless a scenario says otherwise. */
export const sample: BuiltImage = sampleNamed('sample')

interface Parts {
  readonly config: Descriptor
  readonly layers: readonly [Descriptor, Descriptor]
}

/** As the manifest of `image` names them. */
export function partsOf({ target, blobs }: BuiltImage): Parts {
  return JSON.parse(Buffer.from(blobs.get(target.digest) ?? []).toString()) as Parts
}

export const { config, layers } = partsOf(sample)
export const [layer] = layers

/** Requests by what they are for, as `METHOD target`. */
export function askedOf(image: BuiltImage) {
  const { config, layers } = partsOf(image)
  return {
    resolve: /^HEAD \S+\/manifests\//,
    manifest: /^GET \S+\/manifests\//,
    config: new RegExp(`^GET \\S+/blobs/${config.digest}`),
    layer: new RegExp(`^GET \\S+/blobs/${layers[0].digest}`),
    blobs: /^GET \S+\/blobs\//,
    token: / \/token/,
    anything: / /,
  } as const
}

export const asked = askedOf(sample)
