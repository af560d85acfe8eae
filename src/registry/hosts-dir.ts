import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** Where hosts are described: containerd's and Docker's `certs.d`, a directory a registry. */
export interface HostsDirs {
  /** In the order in which they are looked through. */
  readonly hostsDirs?: readonly string[]
}

/**
 * The directory that describes the registry `name`: the first that there is, `_default` last in each of `hostsDirs`.
 *
 * A colon before a port may be spelled with underscores: `example.com_5000_`.
 *
 * Source: containerd, "Registry Configuration", "Registry Host Namespace".
 */
export function hostsDirOf(name: string, { hostsDirs = [] }: HostsDirs): string | undefined {
  return hostsDirs.flatMap(root => [...ownDirs(root, name), join(root, '_default')]).find(isDirectory)
}

/**
 * Whether somebody has made a directory for exactly this `host[:port]`: that is to know it. Directories that aren't
 * about one host (`_default`, `..`) don't count, whatever a registry calls a host.
 */
export function hasOwnDir(name: string, { hostsDirs = [] }: HostsDirs): boolean {
  if (!/^(\[|[a-z0-9][^_]*$)/i.test(name)) return false
  return hostsDirs.flatMap(root => ownDirs(root, name)).some(isDirectory)
}

function ownDirs(root: string, name: string): readonly string[] {
  const underscored = name.replace(/:(\d+)$/, '_$1_')
  const names = underscored === name ? [name] : [underscored, underscored.replaceAll(':', ''), name]
  return names.map(each => join(root, each))
}

function isDirectory(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory()
}
