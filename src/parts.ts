import type { Settings } from './defaults.ts'
import type { PullParts } from './pull/pull.ts'
import type { Registry, Source } from './registry/registry.ts'
import type { Applier } from './rootfs/applier.ts'
import type { OpenImageWorker } from './rootfs/extract/worker.ts'
import type { Snapshotter } from './rootfs/snapshotter.ts'
import type { BlobMapping } from './store/blob-mapping.ts'
import type { ContentStore } from './store/content/store.ts'
import type { Db } from './store/db.ts'
import type { ImageStore } from './store/images.ts'
import type { Layout } from './store/layout.ts'
import type { Leases } from './store/leases.ts'
import type { Workers } from './system/workers.ts'
import { version } from './version.ts'

/**
 * The parts of one davit over one store, each loaded and made when it is first asked for: `images ls` loads no HTTP
 * client, and `digest` opens no store. Whoever opened them closes them, once.
 *
 * Errors of all: DENIED, UNSUPPORTED for a root that can't be used.
 */
export interface Parts {
  readonly settings: Settings
  contentStore(): Promise<ContentStore>
  images(): Promise<ImageStore>
  leases(): Promise<Leases>
  blobMapping(): Promise<BlobMapping>
  /**
   * By name (`erofs`, `overlayfs`, `native`); without one the settings' or the best that this machine can; undefined for `none`.
   *
   * Errors: INVALID_ARGUMENT for a name that there isn't.
   */
  snapshotter(name?: string): Promise<Snapshotter | undefined>
  applier(): Promise<Applier>
  resolver(): Promise<Registry>
  workers(): Promise<Workers>
  /** Opens who writes the files of one image. */
  imageWorkers(): Promise<OpenImageWorker>
  /** Who may read and remove what layers were written to. */
  treeWorkers(): Promise<Workers>
  layout(): Promise<Layout>
  /**
   * What `pullImage` takes. `onWarning` is told what is lost on this machine and why, until the next call. Without a
   * `source` images come from registries.
   */
  forPull(onWarning?: (message: string) => void, snapshotter?: string, source?: Source): Promise<PullParts>
  close(): Promise<void>
}

export function openParts(settings: Settings): Parts {
  const closers: (() => Promise<void>)[] = []
  const durable = settings.durability !== 'process'

  /** Makes a part at most once, and closes what was made, the last first. */
  function once<T>(make: () => Promise<T>, close?: (made: T) => Promise<void>): () => Promise<T> {
    let made: Promise<T> | undefined
    return () => {
      if (made !== undefined) return made
      const making = make()
      made = making
      if (close !== undefined) {
        closers.push(async () => {
          const part = await making.catch(() => undefined)
          if (part !== undefined) await close(part)
        })
      }
      return making
    }
  }

  const workers = once(
    async () => (await import('./system/threads.ts')).openThreads(),
    made => made.close(),
  )
  const treeWorkers = once(
    async () => (await import('./rootfs/extract/worker.ts')).openTreeWorkers(await workers()),
    made => made.close(),
  )
  const imageWorkers = once<OpenImageWorker>(async () => {
    const { openImageWorker } = await import('./rootfs/extract/worker.ts')
    const threads = await workers()
    return tasks => openImageWorker(threads, tasks)
  })
  const layout = once(async () => (await import('./store/root.ts')).openRoot(settings.root))
  const db = once<Db>(
    async () => (await import('./store/db.ts')).openDb(await layout(), { durable }),
    made => made.close(),
  )
  const snapshotters = new Map<string, () => Promise<Snapshotter>>()
  let warn: (message: string) => void = () => {}

  const parts: Parts = {
    settings,
    workers,
    imageWorkers,
    treeWorkers,
    layout,
    contentStore: once(
      async () => {
        const [{ openFsStore }, { lmdbLabels }] = [
          await import('./store/content/fs.ts'),
          await import('./store/content/lmdb-labels.ts'),
        ]
        return openFsStore({
          layout: await layout(),
          labels: lmdbLabels(await db()),
          workers: await workers(),
          durable,
        })
      },
      made => made.close(),
    ),
    images: once(async () => (await import('./store/fs-images.ts')).openFsImages(await layout(), { durable })),
    leases: once(async () => (await import('./store/fs-leases.ts')).openFsLeases(await layout())),
    blobMapping: once(async () => (await import('./store/lmdb-blob-mapping.ts')).lmdbBlobMapping(await db())),
    applier: once(async () => {
      const { openApplier } = await import('./rootfs/extract/applier.ts')
      const strict = settings.strict === undefined ? {} : { strict: settings.strict }
      return openApplier({ openWorker: await imageWorkers(), ...strict })
    }),
    resolver: once(
      async () => (await import('./registry/client.ts')).openResolver({ ...settings, version }),
      made => made.close(),
    ),
    async snapshotter(name = settings.snapshotter) {
      if (name === 'none') return undefined
      const known = snapshotters.get(name ?? '') ?? once(() => openSnapshotter(name))
      snapshotters.set(name ?? '', known)
      return known()
    },
    async forPull(onWarning = () => {}, name?: string, source?: Source) {
      warn = onWarning
      const snapshotter = await parts.snapshotter(name)
      return {
        resolver: source ?? (await parts.resolver()),
        contentStore: await parts.contentStore(),
        images: await parts.images(),
        leases: await parts.leases(),
        blobMapping: await parts.blobMapping(),
        applier: await parts.applier(),
        layers: { workers: await workers(), index: (await layout()).index },
        ...(snapshotter === undefined ? {} : { snapshotter }),
      }
    },
    async close() {
      for (const close of closers.splice(0).toReversed()) await close()
    },
  }

  async function openSnapshotter(name: string | undefined): Promise<Snapshotter> {
    const { openSnapshotter: open } = await import('./rootfs/index.ts')
    const { snapshots: directory, blob: tar, index } = await layout()
    const onWarning = (message: string) => warn(message)
    const carriers = { workers: await workers(), treeWorkers: await treeWorkers() }
    return open(name, { directory, durable, ...carriers, tar, index, onWarning })
  }

  return parts
}
