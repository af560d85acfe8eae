import { chmodSync, readdirSync, readFileSync, statfsSync } from 'node:fs'
import { basename, dirname, relative, resolve, sep } from 'node:path'
import { errnoOf, ImageError } from '../errors.ts'
import { diskError } from '../system/disk-error.ts'
import { makeDirectories, syncDirectory, writeFileDurably } from '../system/files.ts'
import { LAYOUT_VERSION, type Layout, layoutOf } from './layout.ts'
import { type Migrations, migrate } from './migrate.ts'

/** File systems whose locks or memory maps can't be trusted across machines (statfs(2), linux/magic.h). */
const networkFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x517b, 'SMB'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
  [0x0bd00bd0, 'Lustre'],
  [0x5346414f, 'AFS'],
  [0x6b414653, 'AFS'],
  [0x73757245, 'Coda'],
])

export interface RootOptions {
  /** Type of the file system at a path, as statfs(2) numbers it. */
  readonly fileSystemType?: (path: string) => number
  /** By the format that they lead away from. Default: there is no older format. */
  readonly migrations?: Migrations
}

/**
 * Opens the store at `root`, making it (mode 0700, durably) when there is none. Any number of processes may do so at
 * once. A store that exists is only read, unless it has an older format: then it is brought to this one, or stays as it was.
 *
 * Errors: UNSUPPORTED (newer format, network file system), DENIED, INVALID_ARGUMENT (a directory with something else
 *   in it), MALFORMED (version unreadable), LOCKED (to be migrated, and somebody uses it).
 */
export function openRoot(root: string, options: RootOptions = {}): Layout {
  const { fileSystemType = path => statfsSync(path).type, migrations = new Map() } = options
  const layout = layoutOf(resolve(root))
  try {
    const version = readVersion(layout, migrations)
    if (version === undefined) makeRoot(layout, fileSystemType)
    else {
      refuseNetwork(layout.root, fileSystemType)
      if (version < LAYOUT_VERSION) migrate(layout, migrations, () => readVersion(layout, migrations))
    }
    return layout
  } catch (error) {
    throw unusableRoot(error, layout.root)
  }
}

function readVersion({ version, root }: Layout, migrations: Migrations): number | undefined {
  const text = readIfThere(version)
  if (text === undefined) return undefined
  const number = /^(0|[1-9][0-9]{0,8})\n$/.test(text) ? Number(text) : undefined
  if (number === undefined || (number < LAYOUT_VERSION && !migrations.has(number))) {
    throw new ImageError('MALFORMED', `Cannot open store ${root}: its version file is unreadable`, { what: version })
  }
  if (number > LAYOUT_VERSION) {
    const hint = 'use a newer davit, or another --root'
    const message = `Cannot open store ${root}: it has format ${number}, this davit knows ${LAYOUT_VERSION}`
    throw new ImageError('UNSUPPORTED', message, { what: `store format ${number}` }, { hint })
  }
  return number
}

function makeRoot(layout: Layout, fileSystemType: (path: string) => number): void {
  const made = makeDirectories(layout.root)
  refuseNetwork(layout.root, fileSystemType)
  refuseForeign(layout)
  chmodSync(layout.root, 0o700)
  for (const directory of layout.directories) makeDirectories(directory)
  for (const directory of layout.directories) syncDirectory(directory)
  writeVersion(layout)
  if (made !== undefined) syncParents(layout.root, made)
}

/** Of several that make a store at once, the first is followed by who clears away the staged files of all. */
function writeVersion({ version }: Layout): void {
  try {
    writeFileDurably(version, `${LAYOUT_VERSION}\n`)
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || readIfThere(version) === undefined) throw error
  }
}

/** A mistyped --root must not be turned into a store. What a crash in the middle of making one left is davit's own. */
function refuseForeign({ root, directories }: Layout): void {
  const own = new Set(directories.map(directory => relative(root, directory).split(sep)[0]))
  const foreign = readdirSync(root).find(name => !own.has(name) && !/^version(\.[0-9a-f]{12}\.new)?$/.test(name))
  if (foreign === undefined) return
  const message = `Cannot make a store at ${root}: it holds something else already (${JSON.stringify(foreign)})`
  throw new ImageError('INVALID_ARGUMENT', message, { argument: '--root', value: root })
}

function refuseNetwork(root: string, fileSystemType: (path: string) => number): void {
  const name = networkFileSystems.get(fileSystemType(root))
  if (name === undefined) return
  const hint = 'choose a directory on a local disk with --root'
  const message = `Cannot keep a store at ${root}: ${name} is a network file system`
  throw new ImageError('UNSUPPORTED', message, { what: `store on ${name}` }, { hint })
}

/** Makes `root` and what `mkdir` made above it, from `topmost` down, survive a power cut. */
function syncParents(root: string, topmost: string): void {
  for (let directory = root; basename(directory) !== ''; directory = dirname(directory)) {
    syncDirectory(dirname(directory))
    if (directory === topmost) return
  }
}

const unusable: Readonly<Record<string, string>> = {
  EACCES: 'access denied',
  EPERM: 'access denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'not a directory',
  ENOENT: 'no directory can be made there',
  ELOOP: 'its symbolic links lead in circles',
  ENAMETOOLONG: 'its name is too long',
}

function unusableRoot(error: unknown, root: string): unknown {
  const found = unusable[errnoOf(error) ?? '']
  if (found === undefined) return diskError(error, root)
  const hint = 'choose a directory of your own with --root'
  const details = { what: root }
  return new ImageError('DENIED', `Cannot open store ${root}: ${found}`, details, { cause: error, hint })
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}
