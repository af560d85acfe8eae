import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { mountPointsIn } from '../../src/rootfs/mount-table.ts'
import { attempt, command } from '../support/command.ts'

const DISK_MIB = 96
const LOOP_MS = 60_000

/** A file system of its own, whose power can be cut. */
export interface Disk {
  readonly mount: string
  /** Empties it. */
  renew(): void
  /** After a power cut: replays the journal. */
  restart(): void
  /** Lets everything reach the disk. */
  sync(): void
  remove(): void
}

/** ext4 in a file, without the mercy it has for programs that rename before they sync. */
export function makeDisk(directory: string): Disk {
  const mount = join(directory, 'mount')
  mkdirSync(mount, { recursive: true })
  let [count, file] = [0, '']
  const unmount = () => {
    for (const point of mountPointsIn(mount)) command('umount', point)
    waitForLoop(file)
  }
  const start = () => void command('mount', '-o', 'loop,noauto_da_alloc', file, mount)
  const remove = () => {
    unmount()
    rmSync(file, { force: true })
  }
  return {
    mount,
    renew() {
      remove()
      file = join(directory, `disk-${count++}`)
      command('mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', file, `${DISK_MIB}M`)
      start()
    },
    restart() {
      unmount()
      start()
    },
    sync: () => void command('sync', '-f', mount),
    remove,
  }
}

/** A loop device lets go of its file some time after the last unmount, and writes to it until then. */
function waitForLoop(file: string): void {
  const end = performance.now() + LOOP_MS
  while (file !== '' && attempt('losetup', '--noheadings', '--associated', file).stdout !== '') {
    if (performance.now() > end) throw new Error(`A loop device holds ${file} for more than ${LOOP_MS} ms`)
    command('sleep', '0.02')
  }
}
