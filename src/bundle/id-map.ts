import { ImageError } from '../errors.ts'
import type { SubordinateIds } from '../system/user-namespace.ts'
import type { ProcessUser } from './user.ts'

/** A range of ids in a container, and whose they are outside (OCI runtime-spec v1.0, "User namespace mappings"). */
export interface IdMapping {
  readonly containerID: number
  readonly hostID: number
  readonly size: number
}

export interface IdMap {
  readonly uidMappings: readonly IdMapping[]
  readonly gidMappings: readonly IdMapping[]
}

/** Every id but 2³²−1, as the machine's own namespace has them. */
const everyId: readonly IdMapping[] = [{ containerID: 0, hostID: 0, size: 0xffff_ffff }]

/**
 * Who is who in a container of an ordinary user: root is that user, the ids after it are the subordinate ones; as in
 * the namespace that the image's files are written from. Root's own containers have everybody.
 */
export function idMap(
  { uid, gid }: { readonly uid: number; readonly gid: number },
  ids: SubordinateIds | undefined,
): IdMap {
  if (uid === 0) return { uidMappings: everyId, gidMappings: everyId }
  return { uidMappings: mappings(uid, ids?.uids ?? []), gidMappings: mappings(gid, ids?.gids ?? []) }
}

function mappings(own: number, ranges: SubordinateIds['uids']): readonly IdMapping[] {
  const all: IdMapping[] = [{ containerID: 0, hostID: own, size: 1 }]
  let inside = 1
  for (const [hostID, size] of ranges) {
    all.push({ containerID: inside, hostID, size })
    inside += size
  }
  return all
}

/**
 * The user without the additional groups that the map has no place for.
 *
 * Errors: UNSUPPORTED: it has none for the user or the group themselves.
 */
export function mappedUser(user: ProcessUser, { uidMappings, gidMappings }: IdMap): ProcessUser {
  if (!isMapped(uidMappings, user.uid)) throw unmapped('user', user.uid)
  if (!isMapped(gidMappings, user.gid)) throw unmapped('group', user.gid)
  return { ...user, additionalGids: user.additionalGids.filter(gid => isMapped(gidMappings, gid)) }
}

function isMapped(ranges: readonly IdMapping[], id: number): boolean {
  return ranges.some(({ containerID, size }) => id >= containerID && id < containerID + size)
}

function unmapped(what: string, id: number): ImageError {
  const message = `Cannot run as ${what} ${id} without privilege: you have no subordinate ids that reach so far`
  return new ImageError('UNSUPPORTED', message, { what: `${what} ${id}` }, { hint: 'see subuid(5) and subgid(5)' })
}
