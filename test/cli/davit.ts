import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import type { Platform } from '../../src/spec/platform.ts'
import type { Item } from '../rootfs/extract/stack.ts'
import { tarOf } from '../support/layers.ts'
import type { TestRegistry } from '../support/registry.ts'

export const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

export interface Outcome {
  /** Null when a signal ended it. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly root: string
  readonly stdin?: string
  readonly env?: Readonly<Record<string, string>>
  /** To run as somebody else; root only. */
  readonly uid?: number
  /** Default: as the tests were compiled. */
  readonly main?: string
  /** Called once, with the first text on stderr. */
  readonly onStderr?: (kill: (signal: NodeJS.Signals) => void) => void
}

/** Runs `davit` in a process of its own, over the store `root`. */
export function davit(
  words: readonly string[],
  { root, stdin = '', env = {}, uid, main: entry = main, onStderr }: RunOptions,
): Promise<Outcome> {
  const child = spawn(process.execPath, [entry, ...words], {
    env: { PATH: process.env['PATH'], HOME: `${root}-home`, TMPDIR: process.env['TMPDIR'], DAVIT_ROOT: root, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', text => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', text => {
    if (stderr === '') onStderr?.(signal => child.kill(signal))
    stderr += text
  })
  child.stdin.on('error', () => {})
  child.stdin.end(stdin)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', status => resolve({ status, stdout, stderr }))
  })
}

export const amd64: Platform = { os: 'linux', architecture: 'amd64' }
export const arm64: Platform = { os: 'linux', architecture: 'arm64' }

export const firstLayer = tarOf([
  { path: 'etc', type: 'directory', mode: 0o755 },
  { path: 'etc/motd', content: 'ahoy\n' },
  { path: 'etc/old', content: 'to go\n' },
])

export const secondLayer = tarOf([
  { path: 'etc/.wh.old' },
  { path: 'link', type: 'symlink', link: 'etc/motd', mode: 0o777 },
])

export function configOf(platform: Platform, tars: readonly Uint8Array[]): object {
  return {
    created: '2026-01-01T00:00:00Z',
    ...platform,
    config: { Entrypoint: ['/bin/hello'], Env: ['A=1'], Labels: { colour: 'red' } },
    rootfs: { type: 'layers', diff_ids: tars.map(tar => digestOf(tar)) },
  }
}

/** Puts an image of two layers, gzip and plain, and gives back its manifest. */
export function putSample(
  registry: TestRegistry,
  { platform = amd64, tags = ['1'] }: { platform?: Platform; tags?: string[] } = {},
): Descriptor {
  const layers = [
    registry.putBlob(gzipSync(firstLayer), mediaTypes.ociLayerGzip),
    registry.putBlob(secondLayer, mediaTypes.ociLayer),
  ]
  return registry.putImage({ config: configOf(platform, [firstLayer, secondLayer]), layers, tags })
}

/** An image of one layer with these entries. */
export function putEntries(registry: TestRegistry, tag: string, entries: readonly Item[]): Descriptor {
  const tar = tarOf(entries)
  const layers = [registry.putBlob(tar, mediaTypes.ociLayer)]
  return registry.putImage({ config: configOf(amd64, [tar]), layers, tags: [tag] })
}

/** An index of the sample for two platforms. */
export function putSampleIndex(registry: TestRegistry, tag: string): Descriptor {
  const manifests = [amd64, arm64].map(platform => ({ ...putSample(registry, { platform, tags: [] }), platform }))
  const document = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }
  return registry.putManifest(document, { mediaType: mediaTypes.ociIndex, tags: [tag] })
}
