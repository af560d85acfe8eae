import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, mkdtempSync, openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Tree } from '../../src/layer/tree.ts'
import { writeErofs } from '../../src/rootfs/erofs/writer.ts'
import { openSys } from '../../src/system/sys/linux.ts'
import { dumpTree, type TreeNode } from './tree.ts'

// Tests run from build/, where only compiled files are.
const reader = fileURLToPath(new URL('../../../test/support/read-erofs.py', import.meta.url))

export function erofsBytes(
  tree: Tree,
  tars: readonly Uint8Array[],
  { selfContained = false }: { readonly selfContained?: boolean } = {},
): Buffer {
  const readTar = (layer: number, offset: number, length: number): Uint8Array => {
    const bytes = tars[layer]?.subarray(offset, offset + length)
    if (bytes?.length !== length) throw new Error(`layer ${layer} has no ${length} bytes at ${offset}`)
    return bytes
  }
  const pieces: Uint8Array[] = []
  for (const piece of writeErofs(tree, { tags: tars.map((_, i) => `layer ${i}`), readTar, selfContained })) {
    pieces.push(Uint8Array.from(piece))
  }
  return Buffer.concat(pieces)
}

/** Writes an image and its devices into files of a directory. */
export function placeFiles(base: string, image: Uint8Array, tars: readonly Uint8Array[]): string[] {
  const directory = mkdtempSync(join(base, 'erofs-'))
  return [image, ...tars].map((bytes, i) => {
    const path = join(directory, `${i}`)
    writeFileSync(path, bytes)
    return path
  })
}

/** The tree that an independent reader finds in each image; starting it costs more than reading. */
export function readErofs(...images: readonly (readonly string[])[]): TreeNode[][] {
  const words = images.flatMap((files, i) => (i === 0 ? files : ['--', ...files]))
  const lines = execFileSync('python3', [reader, ...words], { encoding: 'utf8', maxBuffer: 2 ** 30 })
  return lines
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
}

/** The tree that the kernel shows. */
export function mountErofs(files: readonly string[]): TreeNode[] {
  const sys = openSys()
  const target = `${files[0]}.mounted`
  mkdirSync(target)
  const fds = files.map(file => openSync(file, 'r'))
  try {
    const [source, ...devices] = fds.map(fd => `/proc/self/fd/${fd}`)
    sys.mountWith(
      'erofs',
      [['source', source ?? ''], ...devices.map((device): [string, string] => ['device', device]), ['ro']],
      target,
    )
    try {
      return dumpTree(target)
    } finally {
      sys.umount2(target)
    }
  } finally {
    for (const fd of fds) closeSync(fd)
  }
}

/** Why `mountErofs` can't run here; undefined when it can. */
export function noErofsMount(): string | undefined {
  if (process.getuid?.() !== 0) return 'mounting needs root'
  try {
    openSys().mountWith('erofs', [['source', '/proc/self/exe'], ['ro']], '/')
  } catch (error) {
    // What is no image is refused for that, by kernels that take files.
    if (error instanceof Error && 'code' in error && error.code === 'EINVAL') return undefined
    return `the kernel mounts no EROFS from files: ${error}`
  }
  return undefined
}
