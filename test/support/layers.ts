import { createHash } from 'node:crypto'
import { IndexBuilder } from '../../src/layer/index-builder.ts'
import type { LayerIndex } from '../../src/layer/layer-index.ts'
import { TarReader } from '../../src/layer/tar/reader.ts'
import { writeTar } from '../../src/layer/tar/writer.ts'
import { InodeCursor, nameAt, type Tree } from '../../src/layer/tree.ts'
import { unpackXattrs } from '../../src/layer/xattr-set.ts'
import type { Item } from '../rootfs/extract/stack.ts'
import type { TreeNode } from './tree.ts'

/** The uncompressed tar of a layer. */
export function tarOf(items: readonly Item[]): Buffer {
  return writeTar(
    items.map(({ path, link, xattrs, content, segments: _, type = 'file', ...rest }) => ({
      mode: 0o644,
      seconds: 1_500_000_000,
      nanoseconds: 123_456_789,
      ...rest,
      type,
      path: Buffer.from(path),
      link: Buffer.from(link ?? ''),
      xattrs: new Map(Object.entries(xattrs ?? {}).map(([name, value]) => [name, Buffer.from(value, 'latin1')])),
      data: Buffer.from(content ?? ''),
    })),
  )
}

export function indexOf(tar: Uint8Array): LayerIndex {
  const builder = new IndexBuilder()
  const reader = new TarReader(builder)
  reader.push(tar)
  reader.end()
  return builder.finish()
}

/** What a merged tree is, in the form in which directories are compared. */
export function describeTree(tree: Tree, tars: readonly Uint8Array[]): TreeNode[] {
  const inode = new InodeCursor(tree)
  const paths: string[] = []
  const nodes = [...tree.inodes].map((number, node) => {
    const name = Buffer.from(nameAt(tree, node)).toString('latin1')
    const parent = paths[tree.parents[node] ?? 0] ?? ''
    const path = node === 0 ? '' : parent === '' ? name : `${parent}/${name}`
    paths.push(path)
    return { number, path: path === '' ? '.' : path, ...describe(inode.at(number), tars) }
  })
  const sorted = nodes.sort((a, b) => Buffer.compare(Buffer.from(a.path, 'latin1'), Buffer.from(b.path, 'latin1')))
  const first = new Map<number, string>()
  return sorted.map(({ number, ...node }) => {
    const sameAs = first.get(number)
    first.set(number, sameAs ?? node.path)
    return sameAs === undefined ? node : { ...node, sameAs }
  })
}

function describe(inode: InodeCursor, tars: readonly Uint8Array[]): Omit<TreeNode, 'path'> {
  const { type, size } = inode
  const device = type === 'character' || type === 'block'
  return {
    type,
    mode: inode.mode.toString(8),
    owner: `${inode.uid}:${inode.gid}`,
    time: `${inode.seconds}.${String(inode.nanoseconds).padStart(9, '0')}`,
    ...(type === 'file' && { size, sha256: createHash('sha256').update(contentOf(inode, tars)).digest('hex') }),
    ...(type === 'symlink' && { link: Buffer.from(inode.link).toString('latin1') }),
    ...(device && { device: `${inode.major}:${inode.minor}` }),
    xattrs: Object.fromEntries(
      [...unpackXattrs(inode.packedXattrs)].map(([name, value]) => [name, value.toString('latin1')]),
    ),
  }
}

function contentOf(inode: InodeCursor, tars: readonly Uint8Array[]): Buffer {
  const content = Buffer.alloc(inode.size)
  for (const { tarOffset, fileOffset, length } of inode.segments) {
    content.set(tars[inode.layer]?.subarray(tarOffset, tarOffset + length) ?? [], fileOffset)
  }
  return content
}
