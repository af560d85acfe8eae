import { hasCode, ImageError } from '../errors.ts'
import { findNode } from '../layer/find-node.ts'
import { InodeCursor } from '../layer/tree.ts'
import type { ImageTree } from '../rootfs/image-tree.ts'
import { type Account, parseAccounts, parseGroups, parseId } from './accounts.ts'

/** Whom a process runs as. */
export interface ProcessUser {
  readonly uid: number
  readonly gid: number
  readonly additionalGids: readonly number[]
  /** Of an account that has one. */
  readonly home?: string
}

/** Some ten thousand accounts; nobody's image has more, and all of it is read into memory. */
const maxAccountsBytes = 4 * 1024 * 1024

/** Linux's NGROUPS_MAX. */
const maxGroups = 65_536

/**
 * The user that a config names: `USER` or `USER:GROUP`, each a name or a number; nothing is root. Names are looked up
 * in the image's own /etc/passwd and /etc/group, which need not be there for numbers.
 *
 * Additional groups are those that list the user, unless the config has a number or a group.
 *
 * Errors: NOT_FOUND (the image knows no such user or group); LIMIT_EXCEEDED (a file above 4 MiB, more than 65,536 groups).
 * Source: OCI image-spec v1.1, "Conversion to OCI Runtime Configuration", "Config.User".
 */
export function findUser(image: ImageTree, typed: string | undefined): ProcessUser {
  const [user = '', group = ''] = splitAtColon(typed ?? '')
  const accounts = parseAccounts(readText(image, '/etc/passwd'))
  const uid = user === '' ? 0 : parseId(user)
  const account = accounts.find(one => (uid === undefined ? one.name === user : one.uid === uid))
  if (uid === undefined && account === undefined) throw unknown('user', user, '/etc/passwd')
  return {
    uid: uid ?? account?.uid ?? 0,
    gid: group === '' ? (account?.gid ?? 0) : findGroup(image, group),
    additionalGids: uid === undefined && group === '' ? groupsOf(image, account) : [],
    ...(account === undefined || account.home === '' ? {} : { home: account.home }),
  }
}

function splitAtColon(text: string): readonly string[] {
  const colon = text.indexOf(':')
  return colon < 0 ? [text] : [text.slice(0, colon), text.slice(colon + 1)]
}

function findGroup(image: ImageTree, name: string): number {
  const gid = parseId(name) ?? parseGroups(readText(image, '/etc/group')).find(group => group.name === name)?.gid
  if (gid === undefined) throw unknown('group', name, '/etc/group')
  return gid
}

function groupsOf(image: ImageTree, account: Account | undefined): readonly number[] {
  if (account === undefined) return []
  const groups = parseGroups(readText(image, '/etc/group'))
  const gids = new Set(groups.filter(({ members }) => members.includes(account.name)).map(({ gid }) => gid))
  if (gids.size > maxGroups) throw tooMuch('groups of a user', maxGroups, gids.size)
  return [...gids].filter(gid => gid !== account.gid)
}

/** Empty for what is no file. */
function readText(image: ImageTree, path: string): string {
  let node: number
  try {
    node = findNode(image.tree, Buffer.from(path), { follow: true })
  } catch (error) {
    if (hasCode(error, 'NOT_FOUND')) return ''
    throw error
  }
  const inode = new InodeCursor(image.tree).at(image.tree.inodes[node] ?? 0)
  if (inode.type !== 'file') return ''
  if (inode.size > maxAccountsBytes) throw tooMuch(`bytes of the image’s ${path}`, maxAccountsBytes, inode.size)
  const pieces = [...image.content(inode)].map(piece => Buffer.from(piece))

  return Buffer.concat(pieces).toString()
}

function unknown(what: string, name: string, path: string): ImageError {
  const message = `Cannot find ${what} ${JSON.stringify(name)}: the image’s ${path} has none of that name`
  return new ImageError('NOT_FOUND', message, { what, name })
}

function tooMuch(limit: string, max: number, actual: number): ImageError {
  const message = `Cannot look up the image’s user: ${limit} ${actual} is above ${max}`
  return new ImageError('LIMIT_EXCEEDED', message, { limit, max, actual })
}
