import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readRecord } from '../../src/rootfs/records.ts'
import { layoutOf } from '../../src/store/layout.ts'
import { command } from '../support/command.ts'

/** `fsck.erofs` of the newest erofs-utils, with what has to stand before its name. */
const fsck = process.env['DAVIT_FSCK_EROFS']?.split(' ')

/** erofs-utils 1.9 has room for so many and writes past it (`blobfd` in its internal.h). */
const MAX_DEVICES = 256

/** Checks every EROFS image of a store, data and all, by erofs-utils; says so when there are none on this machine. */
export function checkImages(root: string, say: (message: string) => void): void {
  const [program, ...words] = fsck ?? []
  if (program === undefined) {
    say('not checked by fsck.erofs: DAVIT_FSCK_EROFS names none')
    return
  }
  const layout = layoutOf(root)
  for (const id of readdirSync(layout.snapshots).filter(name => !name.startsWith('.'))) {
    const record = readRecord(layout.snapshots, id)
    if (record?.kind !== 'committed') continue
    if (record.diffIds.length > MAX_DEVICES) {
      say(`not checked by fsck.erofs: ${record.diffIds.length} layers are more than it can open`)
      continue
    }
    const devices = record.diffIds.map(diffId => `--device=${layout.blob(diffId)}`)
    command(program, ...words, '--extract', ...devices, join(layout.snapshots, id, 'rootfs.erofs'))
    say(`fsck.erofs accepts the image of ${devices.length} layers`)
  }
}
