import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { TarEntry } from '../../layer/tar/entry.ts'
import { type TarInput, writeTar } from '../../layer/tar/writer.ts'
import type { Descriptor } from '../../spec/descriptor.ts'
import { type Digest, digestOf } from '../../spec/digest.ts'
import { mediaTypes } from '../../spec/media-types.ts'
import type { Platform } from '../../spec/platform.ts'

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

/** 2026-01-01: a sample that is the same every time has the same digests every time. */
const sampleSeconds = 1_767_225_600

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
    const tars = [writeTar(base), writeTar(changes), writeTar(own(platform))] as const
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

type SampleEntry = TarInput & { readonly data?: Uint8Array }

const base: readonly SampleEntry[] = [
  directory('bin'),
  file('bin/hello', '#!/bin/sh\necho ahoy\n', { mode: 0o755 }),
  { ...named('bin/hi', 0o777), type: 'symlink', link: Buffer.from('hello') },
  directory('etc'),
  file('etc/motd', 'The next layer removes this.\n'),
  file('etc/os-release', 'NAME="davit sample"\nID=davit-sample\n'),
  directory('tmp', { mode: 0o1777 }),
  directory('var'),
  file('var/data', noise('base', dataBytes)),
]

const ada = { uid: 1000, gid: 1000 }

const changes: readonly SampleEntry[] = [
  { ...named('bin/ahoy', 0o755), type: 'hardlink', link: Buffer.from('bin/hello') },
  file('bin/su', 'setuid\n', { mode: 0o4755 }),
  file('etc/.wh.motd', ''),
  directory('home'),
  directory('home/ada', { mode: 0o700, ...ada }),
  file('home/ada/notes', noise('changes', dataBytes / 2), { mode: 0o600, ...ada }),
]

function own({ os, architecture, variant }: Platform): readonly SampleEntry[] {
  const name = [os, architecture, variant].filter(part => part !== undefined).join('/')
  return [file('etc/platform', `${name}\n`), file('var/own', noise(name, dataBytes))]
}

function directory(path: string, attributes: Partial<TarInput> = {}): SampleEntry {
  return { ...named(path, 0o755), ...attributes, type: 'directory' }
}

function file(path: string, data: string | Uint8Array, attributes: Partial<TarInput> = {}): SampleEntry {
  return { ...named(path, 0o644), ...attributes, type: 'file', data: Buffer.from(data) }
}

function named(path: string, mode: number): Pick<TarEntry, 'path' | 'mode' | 'seconds'> {
  return { path: Buffer.from(path), mode, seconds: sampleSeconds }
}

/** Bytes that don't compress, the same for the same name. */
function noise(name: string, bytes: number): Buffer {
  return createHash('shake256', { outputLength: bytes }).update(name).digest()
}
