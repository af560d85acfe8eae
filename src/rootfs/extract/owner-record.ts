import { ownerRecordName } from '../../layer/xattrs.ts'

/**
 * An owner that a file can't have, as an extended attribute: what umoci writes, and tools that show other owners read.
 * None for root, whom everything else is taken to belong to.
 *
 * Source: rootlesscontaine.rs, `rootlesscontainers.proto`: a message with `uint32 uid = 1; uint32 gid = 2`.
 */
export function ownerRecord({ uid, gid }: { readonly uid: number; readonly gid: number }): ReadonlyMap<string, Buffer> {
  if (uid === 0 && gid === 0) return new Map()
  return new Map([[ownerRecordName, Buffer.from([0x08, ...varint(uid), 0x10, ...varint(gid)])]])
}

/** Seven bits a byte, the least significant first; all but the last are marked. */
function varint(value: number): number[] {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  return [...bytes, rest]
}
