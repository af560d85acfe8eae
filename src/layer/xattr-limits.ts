import { tooMuch } from './tar/refusal.ts'
import type { Xattrs } from './xattr-set.ts'

/** What EROFS holds. */
const maxXattrBytes = 2 ** 16 - 1
/** Of one file; more doesn't fit beside its inode. ext4 holds 64 KiB. */
const maxXattrSetBytes = 2 ** 17

/** The same for every way of storing a layer. Errors: LIMIT_EXCEEDED. */
export function checkXattrs(xattrs: Xattrs): void {
  if (xattrs.size === 0) return
  let bytes = 0
  for (const [name, { length }] of xattrs) {
    if (length > maxXattrBytes) throw tooMuch('bytes of an attribute', maxXattrBytes, length)
    bytes += name.length + length
  }
  if (bytes > maxXattrSetBytes) throw tooMuch("bytes of a file's attributes", maxXattrSetBytes, bytes)
}
