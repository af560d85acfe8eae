import { padding } from '../layer/tar/header.ts'
import { endMark, formatHeader, type TarInput } from '../layer/tar/writer.ts'
import { InodeCursor, noRow } from '../layer/tree.ts'
import { walk } from '../layer/walk.ts'
import { unpackXattrs } from '../layer/xattr-set.ts'
import type { Channel, Workers } from '../system/workers.ts'
import { Output } from './erofs/output.ts'
import { type ImageTree, openImageTree, type StoredLayer } from './image-tree.ts'
import { type PieceTask, receivePieces, sendPieces } from './piece-stream.ts'

const exportTree: PieceTask<readonly StoredLayer[]> = { module: import.meta.url, name: exportTarTask.name }

export async function exportTarTask(layers: readonly StoredLayer[], channel: Channel<true, Uint8Array>): Promise<void> {
  const files = openImageTree(layers)
  try {
    await sendPieces(tarPieces(files), channel)
  } finally {
    files.close()
  }
}

/**
 * The files of a stack of layers as one tar, each once: a directory before what is in it, by the bytes of the names.
 * Made by a worker. The same layers give the same bytes.
 */
export function exportTar(
  workers: Workers,
  layers: readonly StoredLayer[],
  options: { readonly signal: AbortSignal },
): AsyncGenerator<Uint8Array> {
  return receivePieces(workers, exportTree, layers, options)
}

/** Shape: pieces of half a MiB and more, but for the last; each valid until the next is asked for. */
function* tarPieces(files: ImageTree): Generator<Uint8Array> {
  const output = new Output()
  const written = new Map<number, Buffer>()
  const inode = new InodeCursor(files.tree)
  for (const { number, path } of entriesOf(files)) {
    inode.at(number)
    if (output.isFull) yield output.take()
    const first = written.get(number)
    if (first !== undefined) {
      output.push(formatHeader({ type: 'hardlink', path, link: first, ...attributesOf(inode) }))
      continue
    }
    if (inode.links > 1 && inode.type !== 'directory') written.set(number, path)
    output.push(headerOf(inode, path))
    if (inode.type !== 'file') continue
    for (const piece of files.content(inode)) {
      output.push(piece)
      if (output.isFull) yield output.take()
    }
    output.extend(padding(inode.size))
  }
  output.push(endMark)
  yield output.take()
}

/** The root too, where a layer says what it is like. */
function* entriesOf({ tree }: ImageTree): Generator<{ readonly number: number; readonly path: Buffer }> {
  const root = tree.inodes[0] ?? 0
  if (tree.rowOf[root] !== noRow) yield { number: root, path: Buffer.from('.') }
  for (const { node, path } of walk(tree, 0)) yield { number: tree.inodes[node] ?? 0, path }
}

function headerOf(inode: InodeCursor, path: Buffer): Buffer {
  const { type } = inode
  const isDevice = type === 'character' || type === 'block'
  return formatHeader({
    type,
    path,
    ...attributesOf(inode),
    xattrs: unpackXattrs(inode.packedXattrs),
    ...(type === 'file' ? { size: inode.size } : {}),
    ...(type === 'symlink' ? { link: Buffer.from(inode.link) } : {}),
    ...(isDevice ? { major: inode.major, minor: inode.minor } : {}),
  })
}

function attributesOf({ mode, uid, gid, seconds, nanoseconds }: InodeCursor): Partial<TarInput> {
  return { mode, uid, gid, seconds, nanoseconds }
}
