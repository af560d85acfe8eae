import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { digestOf } from '../../src/spec/digest.ts'
import { mainOfDavit } from '../../test/support/davit.ts'
import { password, user } from '../../test/support/wire/guard.ts'
import type { Lab } from '../../test/support/wire/lab.ts'

/** A program that brings an image's blobs from a registry to a disk. */
export interface Puller {
  readonly name: string
  readonly pull: (lab: Lab) => readonly string[]
  readonly clean?: (lab: Lab) => readonly string[]
  /** Where its blobs are: `ALGORITHM/HEX` below. */
  readonly blobs: (lab: Lab) => string
}

export interface Place {
  /** Words before the peers' names: `chroot DIR`, or none. */
  readonly prefix: readonly string[]
  readonly ctr: readonly string[]
  /** Root directory of its containerd. */
  readonly containerd: string
}

const platform = 'linux/amd64'

export function pullers({ prefix, ctr, containerd }: Place): readonly Puller[] {
  const out = ({ root }: Lab) => `${root}-out`
  const nameOf = ({ front, name }: Lab) => `${front}/${name}`
  const containers = [...prefix, ...ctr, '--namespace', 'davit-faults']
  return [
    {
      name: 'davit',
      pull: lab => [
        ...[process.execPath, mainOfDavit, '--root', lab.root, 'pull', '--snapshotter', 'none'],
        ...['--hosts-dir', lab.hostsDir, ...lab.allowed.flatMap(host => ['--allow-host', host])],
        ...['--platform', platform, nameOf(lab)],
      ],
      blobs: ({ root }) => join(root, 'blobs'),
    },
    {
      name: 'crane',
      pull: lab => [...prefix, 'crane', 'pull', '--format=oci', '--platform', platform, nameOf(lab), out(lab)],
      blobs: lab => join(out(lab), 'blobs'),
    },
    {
      name: 'skopeo',
      pull: lab => [
        ...[...prefix, 'skopeo', 'copy', '--src-tls-verify=false', '--src-creds', `${user}:${password}`],
        ...[`docker://${nameOf(lab)}`, `oci:${out(lab)}:1`],
      ],
      blobs: lab => join(out(lab), 'blobs'),
    },
    {
      name: 'ctr',
      pull: lab => [
        ...[...containers, 'content', 'fetch', '--plain-http', '--user', `${user}:${password}`],
        ...['--platform', platform, nameOf(lab)],
      ],
      clean: lab => [...containers, 'images', 'rm', '--sync', nameOf(lab)],
      blobs: () => join(containerd, 'io.containerd.content.v1.content/blobs'),
    },
  ]
}

/** Blobs of the image that aren't there or are something else. */
export function missing(lab: Lab, directory: string): number {
  const paths = [...lab.image.blobs.keys()].map(digest => [digest, join(directory, digest.replace(':', '/'))] as const)
  return paths.filter(([digest, path]) => !existsSync(path) || digestOf(readFileSync(path)) !== digest).length
}
