import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { blobPath } from '../../src/archive/oci-layout.ts'
import { writeTar } from '../../src/layer/tar/writer.ts'
import { type Digest, digestOf, hexOf } from '../../src/spec/digest.ts'
import { amd64, type BuiltImage } from './image.ts'

/** Files of a layout or an archive, by name. */
export type Members = Readonly<Record<string, string | Uint8Array | { readonly link: string }>>

/** An OCI layout: as Docker and skopeo write it, nothing says that the list comes first. */
export function layoutWith(images: readonly BuiltImage[], manifests: readonly object[]): Members {
  const blobs = images.flatMap(image => [...image.blobs]).map(([digest, bytes]) => [blobPath(digest), bytes])
  return {
    ...Object.fromEntries(blobs),
    'index.json': JSON.stringify({ schemaVersion: 2, manifests }),
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
  }
}

/** An entry of its list. */
export function named({ target }: BuiltImage, annotations: object, platform?: object): object {
  return { ...target, annotations, ...(platform === undefined ? {} : { platform }) }
}

export const refName = (name: string) => ({ 'org.opencontainers.image.ref.name': name })
export const imageName = (name: string) => ({ 'io.containerd.image.name': name })

/** An archive as `docker save` wrote it of old. `layers`: its members, in order; `diffIds`: what the config says of them. */
export function savedByDocker(
  layers: Members,
  diffIds: readonly Digest[],
  RepoTags: readonly string[] | null = ['a:1', 'b.example/c:2'],
): Members {
  const config = JSON.stringify({ ...amd64, rootfs: { type: 'layers', diff_ids: diffIds } })
  const Config = `${hexOf(digestOf(config))}.json`
  return {
    ...layers,
    [Config]: config,
    'manifest.json': JSON.stringify([{ Config, RepoTags, Layers: Object.keys(layers) }]),
    repositories: '{}',
  }
}

export function tarWith(members: Members, prefix = ''): Buffer {
  return writeTar(
    Object.entries(members).map(([name, content]) => {
      const path = Buffer.from(prefix + name)
      if (typeof content === 'string' || !('link' in content)) return { type: 'file', path, data: Buffer.from(content) }
      return { type: 'symlink', path, link: Buffer.from(content.link) }
    }),
  )
}

/** Writes them below `root`, and answers it. */
export function directoryWith(root: string, members: Members): string {
  for (const [name, content] of Object.entries(members)) {
    mkdirSync(dirname(`${root}/${name}`), { recursive: true })
    if (typeof content === 'object' && 'link' in content) symlinkSync(content.link, `${root}/${name}`)
    else writeFileSync(`${root}/${name}`, content)
  }
  return root
}
