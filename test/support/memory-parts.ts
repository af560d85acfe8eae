/** Parts that keep everything in memory and a record of what was asked of them. */
import { setImmediate as turn } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { ImageError } from '../../src/errors.ts'
import type { Download, Resolver } from '../../src/registry/registry.ts'
import type { Applier, ImageApplier } from '../../src/rootfs/applier.ts'
import type { Snapshot, Snapshotter } from '../../src/rootfs/snapshotter.ts'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { type Digest, digestOf } from '../../src/spec/digest.ts'
import { formatReference } from '../../src/spec/reference.ts'
import type { BuiltImage } from './image.ts'

/** A registry of one repository: tags, blobs, and what was asked for. */
export interface MemoryRegistry {
  readonly resolver: Resolver
  /** `resolve NAME`, `fetch DIGEST` and `size DIGEST`, in order. */
  readonly asked: string[]
  /** Called before each chunk of a blob is sent. */
  beforeChunk: (digest: Digest) => Promise<void> | void
  serve(tag: string, image: BuiltImage): void
  replace(digest: Digest, bytes: Uint8Array): void
}

export function memoryRegistry(): MemoryRegistry {
  const tags = new Map<string, Descriptor>()
  const blobs = new Map<Digest, Uint8Array>()
  const asked: string[] = []

  async function* chunks(
    digest: Digest,
    bytes: Uint8Array,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const half = Math.ceil(bytes.byteLength / 2)
    // Its receiver owns a chunk: copies, each in a buffer of its own.
    for (const part of [bytes.subarray(0, half), bytes.subarray(half)].map(part => Uint8Array.from(part))) {
      await turn()
      await registry.beforeChunk(digest)
      signal?.throwIfAborted()
      yield part
    }
  }

  const registry: MemoryRegistry = {
    asked,
    beforeChunk: () => {},
    serve(tag, image) {
      tags.set(tag, image.target)
      for (const [digest, bytes] of image.blobs) blobs.set(digest, bytes)
    },
    replace: (digest, bytes) => blobs.set(digest, bytes),
    resolver: {
      async resolve(reference, { signal } = {}) {
        asked.push(`resolve ${formatReference(reference)}`)
        await turn()
        signal?.throwIfAborted()
        const { digest, tag = '' } = reference
        const bytes = digest === undefined ? undefined : blobs.get(digest)
        const found =
          bytes === undefined || digest === undefined
            ? tags.get(tag)
            : { mediaType: mediaTypeOf(bytes), digest, size: bytes.byteLength }
        if (found === undefined) throw missing('manifest', formatReference(reference))
        return { reference, descriptor: found, host: reference.host }
      },
      fetcher: ({ host }) => ({
        async sizeOf(digest) {
          asked.push(`size ${digest}`)
          const bytes = blobs.get(digest)
          if (bytes === undefined) throw missing('blob', digest)
          return bytes.byteLength
        },
        async fetch({ digest }, { offset = 0, signal } = {}): Promise<Download> {
          asked.push(`fetch ${digest}`)
          const bytes = blobs.get(digest)
          if (bytes === undefined) throw missing('blob', digest)
          const iterator = chunks(digest, bytes.subarray(offset), signal)
          return { host, reuse: () => {}, close: () => {}, [Symbol.asyncIterator]: () => iterator }
        },
      }),
      tags: async () => [...tags.keys()],
      referrers: async () => [],
      close: async () => {},
    },
  }
  return registry
}

function mediaTypeOf(bytes: Uint8Array): string {
  const { mediaType } = JSON.parse(Buffer.from(bytes).toString()) as { mediaType: string }
  return mediaType
}

function missing(what: string, name: string): ImageError {
  return new ImageError('NOT_FOUND', `Cannot find ${what} ${name}`, { what, name })
}

/** A snapshotter that only keeps its books; `log` has `prepare`, `commit` and `remove` with their names. */
export function memorySnapshotter(): Snapshotter & {
  readonly log: string[]
  readonly snapshots: Map<string, Snapshot>
} {
  const snapshots = new Map<string, Snapshot>()
  const log: string[] = []
  const get = (key: string): Snapshot => {
    const found = snapshots.get(key)
    if (found === undefined) throw missing('snapshot', key)
    return found
  }
  const make = async (kind: 'active' | 'view', key: string, parent: string | undefined, labels = {}) => {
    log.push(`prepare ${key}`)
    if (snapshots.has(key)) throw new ImageError('ALREADY_EXISTS', `${key} exists`, { what: 'snapshot', name: key })
    if (parent !== undefined) get(parent)
    const now = new Date()
    const base = { key, kind, labels, diffIds: [], createdAt: now, updatedAt: now }
    snapshots.set(key, parent === undefined ? base : { ...base, parent })
    return [{ type: 'bind', source: key, options: [] } as const]
  }
  return {
    name: 'memory',
    takes: 'directory',
    log,
    snapshots,
    stat: async key => get(key),
    async label(key, changes) {
      const merged = Object.entries({ ...get(key).labels, ...changes }).filter(([, value]) => value !== undefined)
      const changed = { ...get(key), labels: Object.fromEntries(merged) as Record<string, string> }
      snapshots.set(key, changed)
      return changed
    },
    usage: async () => ({ size: 0, inodes: 0 }),
    check: async () => undefined,
    turn: async () => ({ release() {} }),
    mounts: async key => [{ type: 'bind', source: get(key).key, options: [] }],
    prepare: (key, parent, { labels } = {}) => make('active', key, parent, labels),
    view: (key, parent, { labels } = {}) => make('view', key, parent, labels),
    async commit(name, key, { labels = {}, diffIds = [] } = {}) {
      log.push(`commit ${name}`)
      const active = get(key)
      if (snapshots.has(name)) throw new ImageError('ALREADY_EXISTS', `${name} exists`, { what: 'snapshot', name })
      snapshots.delete(key)
      snapshots.set(name, {
        ...active,
        key: name,
        kind: 'committed',
        labels,
        diffIds,
      })
    },
    async remove(key) {
      log.push(`remove ${key}`)
      get(key)
      snapshots.delete(key)
    },
    async discard(key) {
      await this.remove(key)
      return async () => {}
    },
    async *walk() {
      yield* snapshots.values()
    },
    cleanup: async () => 0,
  }
}

/** Uncompresses and hashes, and writes nothing; `applied` has the blobs in order, `log` when it was opened and closed. */
export function hashingApplier(log: string[] = []): Applier & { readonly applied: Digest[] } {
  const applied: Digest[] = []
  const applier: ImageApplier = {
    async apply(store, { digest }, _mounts, { onProgress } = {}) {
      applied.push(digest)
      const reader = await store.open(digest)
      const bytes = await reader.read(0, reader.size)
      await reader.close()
      onProgress?.(bytes.byteLength)
      const tar = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes
      return { diffId: digestOf(tar), size: tar.byteLength, entries: 0 }
    },
    close: async () => void log.push('close applier'),
  }
  return {
    applied,
    open() {
      log.push('open applier')
      return applier
    },
  }
}
