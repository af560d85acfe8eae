import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ImageError } from '../../errors.ts'
import { chainId } from '../../spec/chain-id.ts'
import { type Digest, digestOf, hexOf } from '../../spec/digest.ts'
import { resetBaseDirectory } from '../base-directory.ts'
import { buildImage, type ImageArgs, isImageOf } from '../erofs-build.ts'
import { copyRoot, ROOT_MODE } from '../erofs-root.ts'
import type { LayerFiles } from '../index-layer.ts'
import { type Base, type Driver, openSnapshots, type SnapshotterOptions } from '../lifecycle.ts'
import { MOUNTED_BEFORE, type Mount } from '../mounts.ts'
import { formatOverlay } from '../overlay-mount.ts'
import type { Snapshotter } from '../snapshotter.ts'

export interface ErofsOptions extends SnapshotterOptions {
  /** Path of the uncompressed tar of a layer: a blob of the content store. */
  readonly tar: (diffId: Digest) => string
  readonly index: (diffId: Digest) => string
}

const imageName = 'rootfs.erofs'
/** Of the chain ID: an image says itself what it shows. */
const uuidDigits = 32
/** Label that holds a layer's tar as long as the snapshot lives; a number follows. */
const heldTar = 'containerd.io/gc.ref.content.l.'

/**
 * Snapshots that are one small EROFS image each, whatever the number of layers: names and attributes are in it, the
 * files' data stays in the layers' tars.
 *
 * `<id>/rootfs.erofs`; an active one has `<id>/fs` and `<id>/work`, laid over its parent by the kernel.
 */
export function openErofs(options: ErofsOptions): Snapshotter {
  const { workers, tar, index } = options

  function filesOf(diffId: Digest): LayerFiles {
    return { tar: tar(diffId), index: index(diffId) }
  }

  function imageMount({ parents: [nearest = ''], diffIds }: Base): Mount {
    const devices = diffIds.map(diffId => `device=${tar(diffId)}`)
    return { type: 'erofs', source: join(nearest, imageName), options: ['ro', ...devices] }
  }

  function imageOf(directory: string, diffIds: readonly Digest[]): ImageArgs {
    const uuid = Buffer.from(hexOf(chainId(diffIds) ?? digestOf('')).slice(0, uuidDigits), 'hex')
    const layers = diffIds.map(diffId => ({ ...filesOf(diffId), tag: hexOf(diffId).slice(0, 64) }))
    return { path: join(directory, imageName), layers, uuid }
  }

  const driver: Driver = {
    name: 'erofs',
    takes: 'layers',
    contents: '.',
    make: async (directory, kind, { parents, diffIds }) => {
      if (kind === 'view' && parents.length > 0) return
      const fs = join(directory, 'fs')
      mkdirSync(fs, { mode: ROOT_MODE })
      if (kind === 'active') mkdirSync(join(directory, 'work'), { mode: 0o711 })
      if (parents.length === 0) return resetBaseDirectory(fs)
      const losses = await workers.run(copyRoot, { path: fs, layers: diffIds.map(filesOf) }).result
      for (const loss of losses) options.onWarning?.(`erofs: ${loss}`)
    },
    seal: async (directory, diffIds, { durable }) => {
      if (diffIds.length === 0) {
        const message = 'Cannot commit a snapshot without layers: erofs keeps tars, not written files'
        throw new ImageError('UNSUPPORTED', message, { what: 'commit' }, { hint: 'use overlayfs' })
      }
      for (const diffId of diffIds) if (!existsSync(tar(diffId))) throw noTar(diffId)
      await workers.run(buildImage, { ...imageOf(directory, diffIds), durable }).result
    },
    check: async (directory, diffIds) => {
      const image = imageOf(directory, diffIds)
      if (!existsSync(image.path)) return 'its image is missing'
      const lost = diffIds.find(diffId => !existsSync(tar(diffId)))
      if (lost !== undefined) return `the tar of its layer ${lost} is missing`
      return (await workers.run(isImageOf, image).result) ? undefined : 'its image is not what its layers make'
    },
    mounts: (directory, kind, base) => {
      const fs = join(directory, 'fs')
      if (base.parents.length === 0) {
        return [{ type: 'bind', source: fs, options: [kind === 'active' ? 'rw' : 'ro', 'rbind'] }]
      }
      if (kind === 'view') return [imageMount(base)]
      const upper = formatOverlay({ lower: [MOUNTED_BEFORE], upper: fs, work: join(directory, 'work') })
      return [imageMount(base), { type: 'overlay', source: directory, options: ['index=off', ...upper] }]
    },
  }

  const snapshots = openSnapshots(driver, options)
  return {
    ...snapshots,
    commit: async (name, key, { labels = {}, diffIds = [] } = {}) => {
      const below = (await snapshots.stat(key)).diffIds
      const held = [...below, ...diffIds].map((diffId, at) => [`${heldTar}${at}`, diffId])
      await snapshots.commit(name, key, { labels: { ...labels, ...Object.fromEntries(held) }, diffIds })
    },
  }
}

function noTar(diffId: Digest): ImageError {
  const details = { what: 'blob', name: diffId }
  return new ImageError('NOT_FOUND', `Cannot commit a snapshot: the tar of its layer ${diffId} is not here`, details)
}
