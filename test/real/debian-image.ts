import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { command } from '../support/command.ts'

/** Tag in the layout, and of the pushed image. */
export const tag = 'bookworm'

/**
 * A real image of several layers as an OCI layout: Debian's minbase; a layer of odd files on it (setuid, capability,
 * hardlinks, device, fifo, old times, user xattr); one that deletes, replaces a directory and changes types.
 *
 * Made once a directory: about half a minute, most of it mmdebstrap's.
 */
export function buildDebianImage(directory: string): string {
  const layout = join(directory, 'layout')
  if (existsSync(join(directory, 'complete'))) return layout
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(directory, { recursive: true })
  const base = join(directory, 'base.tar')
  command('mmdebstrap', '--quiet', '--variant=minbase', '--include=libcap2-bin', tag, base)
  const image = `${layout}:${tag}`
  command('umoci', 'init', '--layout', layout)
  command('umoci', 'new', '--image', image)
  command('umoci', 'raw', 'add-layer', '--image', image, base)
  addLayer(directory, image, oddFiles)
  addLayer(directory, image, removals)
  command('umoci', 'config', '--image', image, '--config.cmd', '/bin/sh', '--config.env', 'PATH=/usr/bin:/bin')
  rmSync(base)
  writeFileSync(join(directory, 'complete'), '')
  return layout
}

/** Changes a bundle's root file system by `change` and packs the difference as a layer. */
function addLayer(directory: string, image: string, change: (root: string) => void): void {
  const bundle = join(directory, 'bundle')
  command('umoci', 'unpack', '--image', image, bundle)
  change(join(bundle, 'rootfs'))
  command('umoci', 'repack', '--image', image, bundle)
  rmSync(bundle, { recursive: true, force: true })
}

function oddFiles(root: string): void {
  mkdirSync(join(root, 'odd/deep/er'), { recursive: true })
  for (const name of ['setuid', 'capable', 'old', 'first', 'attributes'])
    writeFileSync(join(root, 'odd', name), `${name}\n`)
  command('ln', join(root, 'odd/first'), join(root, 'odd/deep/second'))
  command('ln', join(root, 'usr/bin/env'), join(root, 'odd/env'))
  symlinkSync('/etc/passwd', join(root, 'odd/absolute'))
  command('chown', '1234567:7654321', join(root, 'odd/setuid'))
  command('chmod', '6755', join(root, 'odd/setuid'))
  command('setcap', 'cap_net_raw+ep', join(root, 'odd/capable'))
  command('setfattr', '-n', 'user.note', '-v', 'kept', join(root, 'odd/attributes'))
  command('touch', '-d', '1969-12-31 23:59:58.5 UTC', join(root, 'odd/old'))
  command('mknod', join(root, 'odd/device'), 'c', '10', '229')
  command('mkfifo', '-m', '640', join(root, 'odd/fifo'))
  // Through a link that a lower layer made: Debian's /bin is a symlink to usr/bin.
  writeFileSync(join(root, 'bin/through-a-link'), '#!/bin/sh\necho linked\n', { mode: 0o755 })
}

function removals(root: string): void {
  for (const name of ['usr/share/doc', 'usr/share/locale', 'odd/first', 'odd/deep/er'])
    rmSync(join(root, name), { recursive: true })
  mkdirSync(join(root, 'usr/share/doc'))
  writeFileSync(join(root, 'usr/share/doc/README'), 'opaque\n')
  rmSync(join(root, 'odd/fifo'))
  mkdirSync(join(root, 'odd/fifo'))
  writeFileSync(join(root, 'odd/deep/er'), 'was a directory\n')
}
