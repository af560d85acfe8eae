import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import {
  AT_FDCWD,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../../src/system/sys/constants.ts'
import { openSys } from '../../src/system/sys/linux.ts'

/** All that two trees must share to be the same. Bytes are latin1 strings. */
export interface TreeNode {
  /** From the root; `.` is the root itself. */
  readonly path: string
  readonly type: string
  /** Octal. */
  readonly mode: string
  readonly owner: string
  /** Seconds and nanoseconds. */
  readonly time: string
  readonly size?: number
  readonly sha256?: string
  readonly link?: string
  readonly device?: string
  readonly xattrs: Readonly<Record<string, string>>
  /** The first path of the same inode, when there are several. */
  readonly sameAs?: string
}

const longPathBytes = 4000

const types = new Map([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFCHR, 'character'],
  [S_IFBLK, 'block'],
  [S_IFIFO, 'fifo'],
])

/** Everything in and of `root`, sorted by path; nothing is followed. */
export function dumpTree(root: string): TreeNode[] {
  const nodes: TreeNode[] = []
  const inodes = new Map<string, string>()
  const paths = [Buffer.from('.'), ...pathsIn(Buffer.from(root), undefined)]
  for (const path of paths.sort(Buffer.compare)) nodes.push(describe(Buffer.from(root), path, inodes))
  return nodes
}

/** Fails with the first differences. */
export function assertSameTree(actual: readonly TreeNode[], expected: readonly TreeNode[], what = 'trees'): void {
  const [have, want] = [byPath(actual), byPath(expected)]
  const differences: string[] = []
  for (const path of new Set([...have.keys(), ...want.keys()])) {
    const [one, other] = [have.get(path), want.get(path)]
    if (one === undefined) differences.push(`${path}: missing, should be ${JSON.stringify(other)}`)
    else if (other === undefined) differences.push(`${path}: should not be there: ${JSON.stringify(one)}`)
    else if (JSON.stringify(one) !== JSON.stringify(other)) {
      differences.push(`${path}:\n    is        ${JSON.stringify(one)}\n    should be ${JSON.stringify(other)}`)
    }
  }
  if (differences.length === 0) return
  assert.fail(`${what} differ in ${differences.length} places:\n  ${differences.slice(0, 10).join('\n  ')}`)
}

function byPath(nodes: readonly TreeNode[]): Map<string, TreeNode> {
  return new Map(nodes.map(node => [node.path, node]))
}

function pathsIn(root: Buffer, path: Buffer | undefined): Buffer[] {
  const directory = path === undefined ? root : join(root, path)
  const entries = reach(directory, at => readdirSync(at, { withFileTypes: true, encoding: 'buffer' }))
  return entries.flatMap(entry => {
    // The types of Node 20 don't know that names are buffers here.
    const name = entry.name as unknown as Buffer
    const child = path === undefined ? name : join(path, name)
    return entry.isDirectory() ? [child, ...pathsIn(root, child)] : [child]
  })
}

/** Gives `use` a path that the kernel takes: of a longer one, the way is gone in pieces. */
function reach<T>(path: Buffer, use: (path: Buffer) => T): T {
  if (path.length < longPathBytes) return use(path)
  const cut = path.lastIndexOf('/', longPathBytes - 1)
  const fd = openSync(path.subarray(0, cut), 'r')
  try {
    return reach(join(Buffer.from(`/proc/self/fd/${fd}`), path.subarray(cut + 1)), use)
  } finally {
    closeSync(fd)
  }
}

function describe(root: Buffer, path: Buffer, inodes: Map<string, string>): TreeNode {
  return reach(join(root, path), full => describeAt(full, path, inodes))
}

function describeAt(full: Buffer, path: Buffer, inodes: Map<string, string>): TreeNode {
  const sys = openSys()
  const name = path.toString('latin1')
  const stat = sys.stat(AT_FDCWD, full)
  const kind = stat.mode & S_IFMT
  const xattrs = [...sys.lgetxattrs(full)].map(([key, value]) => [key, value.toString('latin1')] as const).sort()
  const first = inodes.get(`${stat.dev} ${stat.ino}`)
  if (stat.nlink > 1 && kind !== S_IFDIR && first === undefined) inodes.set(`${stat.dev} ${stat.ino}`, name)
  return {
    path: name,
    type: types.get(kind) ?? kind.toString(8),
    mode: (stat.mode & 0o7777).toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    time: `${stat.seconds}.${String(stat.nanoseconds).padStart(9, '0')}`,
    ...(kind === S_IFREG && {
      size: stat.size,
      sha256: createHash('sha256').update(readFileSync(full)).digest('hex'),
    }),
    ...(kind === S_IFLNK && { link: sys.readlinkat(AT_FDCWD, full).toString('latin1') }),
    ...((kind === S_IFCHR || kind === S_IFBLK) && { device: `${stat.major}:${stat.minor}` }),
    xattrs: Object.fromEntries(xattrs),
    ...(first !== undefined && { sameAs: first }),
  }
}

function join(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from('/'), name])
}
