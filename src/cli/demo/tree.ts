import type { Stats } from 'node:fs'
import { lstat, readdir, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { formatBytes, printable } from '../../progress/format.ts'

/** What lies under `root`, a line each: mode, owner, size, name. */
export async function treeOf(root: string): Promise<string> {
  const lines: string[] = []
  async function walk(directory: string, indent: string): Promise<void> {
    for (const name of (await readdir(directory)).sort()) {
      const path = join(directory, name)
      const stats = await lstat(path)
      const suffix = stats.isSymbolicLink() ? ` -> ${await readlink(path)}` : stats.isDirectory() ? '/' : ''
      lines.push(`${attributes(stats)}  ${indent}${printable(`${name}${suffix}`)}\n`)
      if (stats.isDirectory()) await walk(path, `${indent}  `)
    }
  }
  await walk(root, '')
  return lines.join('')
}

function attributes(stats: Stats): string {
  const owner = `${stats.uid}:${stats.gid}`
  return `${formatMode(stats)}  ${owner.padEnd(9)}  ${stats.isFile() ? formatBytes(stats.size).padStart(7) : ''.padStart(7)}`
}

/** `-rwsr-xr-x`, as `ls -l` writes it. */
function formatMode(stats: Stats): string {
  const type = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : '-'
  const bits = [...'rwxrwxrwx'].map((letter, place) => ((stats.mode >> (8 - place)) & 1 ? letter : '-'))
  const special = [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ] as const
  for (const [bit, place, letter] of special) {
    if (stats.mode & bit) bits[place] = bits[place] === 'x' ? letter : letter.toUpperCase()
  }
  return `${type}${bits.join('')}`
}
