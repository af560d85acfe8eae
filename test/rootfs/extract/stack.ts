import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ImageError } from '../../../src/errors.ts'
import type { TarEntry } from '../../../src/layer/tar/entry.ts'
import { Extractor } from '../../../src/rootfs/extract/extractor.ts'
import type { Target } from '../../../src/rootfs/extract/target.ts'
import { formatOverlay, mountOverlay } from '../../../src/rootfs/overlay-mount.ts'
import { AT_FDCWD } from '../../../src/system/sys/constants.ts'
import { openSys } from '../../../src/system/sys/linux.ts'
import { dumpTree, type TreeNode } from '../../support/tree.ts'

export type Item = Partial<Omit<TarEntry, 'path' | 'link' | 'xattrs'>> & {
  readonly path: string | Buffer
  readonly link?: string | Buffer
  readonly xattrs?: Readonly<Record<string, string>>
  readonly content?: string
}

/** Short forms for layers. */
export const file = (path: string, content = `content of ${path}`, more: Partial<Item> = {}): Item => ({
  type: 'file',
  path,
  content,
  ...more,
})
export const directory = (path: string, more: Partial<Item> = {}): Item => ({
  type: 'directory',
  path,
  mode: 0o755,
  ...more,
})
export const symlink = (path: string, link: string): Item => ({ type: 'symlink', path, link, mode: 0o777 })
export const hardlink = (path: string, link: string): Item => ({ type: 'hardlink', path, link })

/** Pushes `items` into an extractor, as a tar reader would. With `refused` it goes on after an entry that is refused. */
export function extract(items: readonly Item[], target: Target, refused?: string[]): string[] {
  const warnings: string[] = []
  const extractor = new Extractor(openSys(), target, message => warnings.push(message))
  try {
    for (const item of items) {
      const content = Buffer.from(item.content ?? '')
      try {
        extractor.entry(entryOf(item, content.length))
      } catch (error) {
        if (refused === undefined || !(error instanceof ImageError)) throw error
        refused.push(error.message)
        continue
      }
      if (content.length > 0) extractor.data(content, 0)
      extractor.done()
    }
    extractor.finish()
  } finally {
    extractor.close()
  }
  return warnings
}

function entryOf({ content: _, path, link, xattrs, ...rest }: Item, size: number): TarEntry {
  return {
    type: 'file',
    mode: 0o644,
    uid: 0,
    gid: 0,
    seconds: 1_500_000_000,
    nanoseconds: 123_456_789,
    size,
    major: 0,
    minor: 0,
    segments: [],
    ...rest,
    path: Buffer.from(path),
    link: Buffer.from(link ?? ''),
    xattrs: new Map(Object.entries(xattrs ?? {}).map(([name, value]) => [name, Buffer.from(value)])),
  }
}

/** A directory of this test, gone when it ends. */
export function scratch(t: { after(done: () => void): void }): string {
  const path = mkdtempSync(join(tmpdir(), 'davit-extract-'))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** The tree that the layers make in one directory. */
export function flatTree(base: string, layers: readonly (readonly Item[])[], refused?: string[]): TreeNode[] {
  const path = newDirectory(base, 'flat')
  for (const items of layers) extract(items, { directory: path, lowers: [], namespace: 'trusted' }, refused)
  return dumpTree(path)
}

/** The tree that the kernel shows when each layer has a directory of its own. */
export function overlayTree(base: string, layers: readonly (readonly Item[])[], refused?: string[]): TreeNode[] {
  const lowers: string[] = []
  for (const [index, items] of layers.entries()) {
    const path = newDirectory(base, `layer${index}`)
    extract(items, { directory: path, lowers: [...lowers], namespace: 'trusted' }, refused)
    lowers.unshift(path)
  }
  return overlayOf(base, lowers)
}

/** The tree that the kernel shows of these layers, the nearest first. */
export function overlayOf(base: string, lowers: readonly string[]): TreeNode[] {
  // One directory alone is no overlay to the kernel.
  const below = newDirectory(base, 'nothing')
  const target = newDirectory(base, 'mounted')
  const sys = openSys()
  const options = ['ro', ...formatOverlay({ lower: [...lowers, below] })]
  mountOverlay({ type: 'overlay', source: base, options }, target)
  try {
    return dumpTree(target)
  } finally {
    sys.umount2(target)
  }
}

function newDirectory(base: string, name: string): string {
  const path = join(base, name)
  mkdirSync(path, { mode: 0o755, recursive: true })
  openSys().utimensat(AT_FDCWD, Buffer.from(path), 0, 0)
  return path
}
