import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Descriptor } from '../../spec/descriptor.ts'
import { type Digest, digestOf } from '../../spec/digest.ts'
import { mediaTypes } from '../../spec/media-types.ts'
import type { Platform } from '../../spec/platform.ts'
import { type SampleEntry, sampleSeconds, tarOf } from './tar.ts'

/** An image as a registry holds it. */
export interface Sample {
  /** The index. */
  readonly target: Descriptor
  readonly platforms: readonly Platform[]
  readonly documents: ReadonlyMap<Digest, { readonly mediaType: string; readonly bytes: Uint8Array }>
  readonly blobs: ReadonlyMap<Digest, Uint8Array>
}

const platforms: readonly Platform[] = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
  { os: 'linux', architecture: 'arm', variant: 'v7' },
]

/** Enough to see progress, little enough not to wait. */
const dataBytes = 1_200_000

/** Two layers that all platforms share, and one of each's own; always the same bytes. */
export function makeSample(): Sample {
  const documents = new Map<Digest, { mediaType: string; bytes: Uint8Array }>()
  const blobs = new Map<Digest, Uint8Array>()
  const keepBlob = (mediaType: string, bytes: Uint8Array): Descriptor => {
    const digest = digestOf(bytes)
    blobs.set(digest, bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const keepDocument = (mediaType: string, value: object): Descriptor => {
    const bytes = Buffer.from(JSON.stringify(value))
    const digest = digestOf(bytes)
    documents.set(digest, { mediaType, bytes })
    return { mediaType, digest, size: bytes.length }
  }

  const manifests = platforms.map(platform => {
    const tars = [tarOf(base), tarOf(changes), tarOf(own(platform))] as const
    const [bottom, middle, top] = tars
    const layers = [
      keepBlob(mediaTypes.ociLayerGzip, gzipSync(bottom)),
      keepBlob(mediaTypes.ociLayer, middle),
      keepBlob(mediaTypes.ociLayerGzip, gzipSync(top)),
    ]
    const config = keepBlob(mediaTypes.ociConfig, Buffer.from(JSON.stringify(configOf(platform, tars))))
    const manifest = keepDocument(mediaTypes.ociManifest, {
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config,
      layers,
    })
    return { ...manifest, platform }
  })
  const target = keepDocument(mediaTypes.ociIndex, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests })
  return { target, platforms, documents, blobs }
}

function configOf(platform: Platform, tars: readonly Uint8Array[]): object {
  return {
    created: new Date(sampleSeconds * 1000).toISOString(),
    ...platform,
    config: { Entrypoint: ['/bin/hello'], Env: ['PATH=/bin:/usr/bin'], WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: tars.map(tar => digestOf(tar)) },
  }
}

const base: readonly SampleEntry[] = [
  { path: 'bin/', type: 'directory' },
  { path: 'bin/hello', type: 'file', mode: 0o755, data: Buffer.from('#!/bin/sh\necho ahoy\n') },
  { path: 'bin/hi', type: 'symlink', mode: 0o777, link: 'hello' },
  { path: 'etc/', type: 'directory' },
  { path: 'etc/motd', type: 'file', data: Buffer.from('The next layer removes this.\n') },
  { path: 'etc/os-release', type: 'file', data: Buffer.from('NAME="davit sample"\nID=davit-sample\n') },
  { path: 'tmp/', type: 'directory', mode: 0o1777 },
  { path: 'var/', type: 'directory' },
  { path: 'var/data', type: 'file', data: noise('base', dataBytes) },
]

const changes: readonly SampleEntry[] = [
  { path: 'bin/ahoy', type: 'hardlink', mode: 0o755, link: 'bin/hello' },
  { path: 'bin/su', type: 'file', mode: 0o4755, data: Buffer.from('setuid\n') },
  { path: 'etc/.wh.motd', type: 'file' },
  { path: 'home/', type: 'directory' },
  { path: 'home/ada/', type: 'directory', mode: 0o700, uid: 1000, gid: 1000 },
  { path: 'home/ada/notes', type: 'file', mode: 0o600, uid: 1000, gid: 1000, data: noise('changes', dataBytes / 2) },
]

function own({ os, architecture, variant }: Platform): readonly SampleEntry[] {
  const name = [os, architecture, variant].filter(part => part !== undefined).join('/')
  return [
    { path: 'etc/platform', type: 'file', data: Buffer.from(`${name}\n`) },
    { path: 'var/own', type: 'file', data: noise(name, dataBytes) },
  ]
}

/** Bytes that don't compress, the same for the same name. */
function noise(name: string, bytes: number): Buffer {
  return createHash('shake256', { outputLength: bytes }).update(name).digest()
}
