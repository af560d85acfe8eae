/** One line of passwd(5). */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

/** One line of group(5). */
export interface Group {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

/** 2³²−1 means "none" to Linux. */
const maxId = 0xffff_fffe

/** Lines that say something else are passed over, as the C library does. */
export function parseAccounts(text: string): readonly Account[] {
  return linesOf(text).flatMap(([name = '', , uid = '', gid = '', , home = '']) => {
    const [user, group] = [parseId(uid), parseId(gid)]
    return name === '' || user === undefined || group === undefined ? [] : [{ name, uid: user, gid: group, home }]
  })
}

export function parseGroups(text: string): readonly Group[] {
  return linesOf(text).flatMap(([name = '', , gid = '', members = '']) => {
    const group = parseId(gid)
    return name === '' || group === undefined ? [] : [{ name, gid: group, members: members.split(',') }]
  })
}

/** A user or group as a number; undefined when it is a name. */
export function parseId(text: string): number | undefined {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN
  return id <= maxId ? id : undefined
}

function linesOf(text: string): readonly (readonly string[])[] {
  return text.split('\n').map(line => line.trim().split(':'))
}
