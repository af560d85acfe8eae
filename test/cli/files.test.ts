import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, rmSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { digestOf } from '../../src/spec/digest.ts'
import { asRoot, makeScratch, needsRoot } from '../conformance/scratch.ts'
import { directory, file, hardlink, type Item, symlink } from '../rootfs/extract/stack.ts'
import { attempt } from '../support/command.ts'
import { buildImage } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { serveImage } from '../support/serve-image.ts'
import { dumpTree, type TreeNode } from '../support/tree.ts'
import { davit, main, type Outcome } from './davit.ts'

/** `nobody`: reading needs no privilege. */
const nobody = 65_534
const scratch = makeScratch('cli-files')
const root = `${scratch}/nobody/root`
const text = 'ahoy\n'.repeat(300_000)

const base: readonly Item[] = [
  directory('etc', { mode: 0o750, uid: 1, gid: 2 }),
  file('etc/motd', text, { xattrs: { 'user.colour': 'red' } }),
  file('etc/old', 'to go\n'),
  file('etc/same', 'one', { seconds: 1 }),
  directory('opaque'),
  file('opaque/hidden', 'h'),
  directory('usr/lib'),
  symlink('lib', 'usr/lib'),
  ...(asRoot ? [{ type: 'character', path: 'null', major: 1, minor: 3, mode: 0o666 } as const] : []),
]
const top: readonly Item[] = [
  file('etc/.wh.old', ''),
  file('opaque/.wh..wh..opq', ''),
  file('opaque/shown', 's', { mode: 0o4755 }),
  file('lib/libc', 'through a link of the lower layer'),
  hardlink('hard', 'etc/motd'),
  symlink('abs', '/lib/../lib/libc'),
  file('odd \n\u202e name', 'odd'),
  { ...file('', 'bytes'), path: Buffer.from([0xff, 0xfe]) },
]
const tars = [tarOf(base), tarOf(top)]
const rebuilt = tarOf([
  directory('etc', { mode: 0o755, uid: 1, gid: 2 }),
  file('etc/motd', text.replace('ahoy', 'AHOY'), { xattrs: { 'user.colour': 'red' } }),
  file('etc/same', 'one', { seconds: 2 }),
  file('etc/old', 'to go'),
  file('opaque', 'a file now'),
  directory('usr/lib'),
  symlink('lib', 'usr/./lib'),
])

let registry: TestRegistry
let name: string

function run(...words: string[]): Promise<Outcome> {
  return davit(words, { root, env: { HOME: `${scratch}/nobody` }, ...(asRoot ? { uid: nobody } : {}) })
}

async function ok(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await run(...words, '--platform', 'linux/amd64')
  assert.deepEqual([status, stderr], [0, ''])
  return stdout
}

before(async () => {
  chmodSync(scratch, 0o755)
  mkdirSync(`${scratch}/nobody`)
  if (asRoot) chownSync(`${scratch}/nobody`, nobody, nobody)
  registry = await startRegistry()
  serveImage(registry, buildImage({ layers: tars }), '1')
  serveImage(registry, buildImage({ layers: [rebuilt] }), '2')
  name = `${registry.host}/a:1`
  await ok('pull', '--progress', 'quiet', '--snapshotter', 'erofs', name)
  await ok('pull', '--progress', 'quiet', '--snapshotter', 'none', `${registry.host}/a:2`)
})
after(() => registry.close())

test('ls shows a directory as ls -l does, names escaped', async () => {
  const lines = (await ok('ls', name)).split('\n')
  assert.equal(lines.pop(), '')
  assert.deepEqual(
    lines.map(line => line.replace(/ +/g, ' ')),
    [
      'lrwxrwxrwx 1 0 0 16 2017-07-14 02:40 abs -> /lib/../lib/libc',
      'drwxr-x--- 2 1 2 - 2017-07-14 02:40 etc',
      '-rw-r--r-- 2 0 0 1500000 2017-07-14 02:40 hard',
      'lrwxrwxrwx 1 0 0 7 2017-07-14 02:40 lib -> usr/lib',
      ...(asRoot ? ['crw-rw-rw- 1 0 0 1, 3 2017-07-14 02:40 null'] : []),
      '-rw-r--r-- 1 0 0 3 2017-07-14 02:40 odd\\ \\n\\342\\200\\256\\ name',
      'drwxr-xr-x 2 0 0 - 2017-07-14 02:40 opaque',
      'drwxr-xr-x 3 0 0 - 1970-01-01 00:00 usr',
      '-rw-r--r-- 1 0 0 5 2017-07-14 02:40 \\377\\376',
    ],
  )
  assert.equal(new Set(lines.map(line => line.search(/ (1970|2017)-/))).size, 1, 'columns stand below each other')
})

test('ls takes a path: a file alone, a symlink alone, what is behind one with a slash', async () => {
  assert.match(await ok('ls', name, 'lib/libc'), /^-rw-r--r-- 1 0 0 33 [-\d]+ [:\d]+ \/usr\/lib\/libc\n$/)
  assert.match(await ok('ls', name, 'lib'), /^lrwx\S+ .* \/lib -> usr\/lib\n$/)
  assert.match(await ok('ls', name, 'lib/'), /^-rw-\S+ .* libc\n$/)
  assert.match(await ok('ls', name, '/opaque'), /^-rwsr-xr-x .* shown\n$/)
  assert.match(await ok('ls', '-R', name, 'usr'), /^d.* lib\n-.* lib\/libc\n$/)
  const gone = await run('ls', name, 'etc/old', '--platform', 'linux/amd64')
  assert.deepEqual([gone.status, gone.stdout], [3, ''])
  assert.equal(gone.stderr, 'davit: Cannot find "etc/old" in the image: no such file or directory\n')
})

test('ls -0 prints names as bytes, for programs', async () => {
  const list = `${process.execPath} ${main} --root ${root} ls -0 --platform linux/amd64 ${name} | od -An -c | tr -d ' \n'`
  const { stdout } = attempt('sh', '-c', list)
  assert(stdout.endsWith('usr\\0377376\\0'), stdout)
  assert(stdout.includes('odd\\n342200256name\\0'), stdout)
})

test('ls, cat and export end quietly when nobody reads on', () => {
  for (const words of [`ls -R ${name}`, `cat ${name} hard`, `export --format erofs ${name} -`]) {
    const command = `${process.execPath} ${main} --root ${root} ${words} --platform linux/amd64`
    const { stdout, stderr } = attempt('bash', '-c', `${command} | head -c 1 >/dev/null; echo "\${PIPESTATUS[0]}"`)
    assert.deepEqual([stdout, stderr], ['0\n', ''], words)
  }
})

test('export refuses to write to a terminal: exit 2', () => {
  const command = `${process.execPath} ${main} --root ${root} export --format erofs ${name} -`
  const { stdout } = attempt('script', '-qec', command, '/dev/null')
  assert.equal(stdout.trim(), 'davit: Cannot export to a terminal (name a file, or use a pipe)')
})

test('ls --json has everything, names that are no UTF-8 in base64 too', async () => {
  const [motd] = JSON.parse(await ok('ls', '--json', name, 'hard'))
  assert.deepEqual(motd, {
    type: 'file',
    path: '/hard',
    mode: '0644',
    links: 2,
    uid: 0,
    gid: 0,
    size: 1_500_000,
    mtime: '2017-07-14T02:40:00.123456789Z',
    xattrs: ['user.colour'],
  })
  const all = JSON.parse(await ok('ls', '--json', name))
  assert.equal(all.at(-1).pathBase64, Buffer.from('/\xff\xfe', 'latin1').toString('base64'))
  assert.equal(all.find(({ path }: { path: string }) => path === '/abs').target, '/lib/../lib/libc')
})

test('cat prints a file byte for byte, through links inside the image', async () => {
  assert.equal(digestOf(await ok('cat', name, 'hard')), digestOf(text))
  assert.equal(await ok('cat', name, '/abs'), 'through a link of the lower layer')
  for (const [path, status, message] of [
    ['etc', 2, /it is a directory\n$/],
    ['opaque/hidden', 3, /no such file/],
    ...(asRoot ? ([['null', 2, /it is a device\n$/]] as const) : []),
  ] as const) {
    const outcome = await run('cat', name, path, '--platform', 'linux/amd64')
    assert.deepEqual([outcome.status, outcome.stdout], [status, ''])
    assert.match(outcome.stderr, message)
  }
})

test('diff shows what was added, changed and removed, whatever pulled it', async () => {
  const other = `${registry.host}/a:2`
  assert.equal(await ok('diff', name, name), '')
  const lines = (await ok('diff', name, other)).split('\n').map(line => line.replace(/ +/g, ' '))
  assert.deepEqual(lines, [
    'D - /abs',
    'C - /etc (mode)',
    'C +0 B /etc/motd (content)',
    'A +5 B /etc/old',
    'D -1.5 MB /hard',
    'C - /lib (target)',
    ...(asRoot ? ['D - /null'] : []),
    'D -3 B /odd\\ \\n\\342\\200\\256\\ name',
    'C +10 B /opaque (type, mode)',
    'D -1 B /opaque/shown',
    'D -33 B /usr/lib/libc',
    'D -5 B /\\377\\376',
    '',
  ])
  const changes = JSON.parse(await ok('diff', '--json', name, other))
  assert.deepEqual(
    changes.map(({ change }: { change: string }) => change).filter((change: string) => change === 'added'),
    ['added'],
  )
  const opaque = changes.find(({ path }: { path: string }) => path === '/opaque')
  assert.deepEqual([opaque.before.type, opaque.after.type, opaque.after.size], ['directory', 'file', 10])
})

test('reading an image that is not here says what to do', async () => {
  const { status, stderr } = await run('ls', 'nosuch')
  assert.equal(status, 3)
  assert.match(stderr, /\(davit pull docker\.io\/library\/nosuch:latest\)\n$/)
})

test('gc takes the tars that reading has made, and reading makes them again', async () => {
  const other = `${registry.host}/a:2`
  const listed = await ok('ls', '-R', other)
  const packed = gzipSync(rebuilt).length
  assert.match((await run('gc')).stdout, /^freed [\d.]+ MB: 1 blob, /)
  assert.equal(await ok('ls', '-R', other), listed)

  await run('gc')
  const [layer] = JSON.parse((await run('content', 'ls', '--json')).stdout).filter(
    ({ size }: { size: number }) => size === packed,
  )
  rmSync(`${root}/blobs/${layer.digest.replace(':', '/')}`)
  const { status, stderr } = await run('ls', other, '--platform', 'linux/amd64')
  assert.equal(status, 3)
  assert.match(stderr, /a layer is missing here \(davit pull [^\n]+:2\)\n$/)
})

test('ls -R --json is what a mount shows', { skip: needsRoot }, async () => {
  const target = `${scratch}/mounted`
  mkdirSync(target)
  const own = `${scratch}/root`
  const as = async (...words: string[]) => {
    const { status, stdout, stderr } = await davit([...words, '--platform', 'linux/amd64'], { root: own })
    assert.equal(status, 0, stderr)
    return stdout
  }
  for (const snapshotter of ['native', 'overlayfs']) {
    await as('pull', '--progress', 'quiet', '--snapshotter', snapshotter, name)
    await as('mount', name, target)
    const shown = dumpTree(target).filter(({ path }) => path !== '.')
    assert.equal((await davit(['umount', target], { root: own })).status, 0)
    const listed: readonly Listed[] = JSON.parse(await as('ls', '-R', '--json', name))
    assert.deepEqual(listed.map(asShown).sort(byPath), shown.map(asListed).sort(byPath))
  }
})

interface Listed {
  readonly type: string
  readonly path: string
  readonly pathBase64?: string
  readonly mode: string
  readonly uid: number
  readonly gid: number
  readonly size?: number
  readonly major?: number
  readonly minor?: number
  readonly mtime: string
  readonly target?: string
  readonly xattrs: readonly string[]
}

type Common = Omit<TreeNode, 'sha256' | 'xattrs' | 'sameAs'> & { readonly names: string }

function byPath(a: Common, b: Common): number {
  return a.path < b.path ? -1 : 1
}

function asShown({
  type,
  path,
  pathBase64,
  mode,
  uid,
  gid,
  size,
  major,
  minor,
  mtime,
  target,
  xattrs,
}: Listed): Common {
  const bytes = pathBase64 === undefined ? Buffer.from(path) : Buffer.from(pathBase64, 'base64')
  const seconds = Date.parse(`${mtime.slice(0, 19)}Z`) / 1000
  return {
    path: bytes.toString('latin1').slice(1),
    type,
    mode: Number.parseInt(mode, 8).toString(8),
    owner: `${uid}:${gid}`,
    time: `${seconds}.${mtime.slice(20, -1).padEnd(9, '0')}`,
    ...(type === 'file' && size !== undefined && { size }),
    ...(target !== undefined && { link: target }),
    ...(major !== undefined && { device: `${major}:${minor}` }),
    names: xattrs.join(),
  }
}

function asListed({ sha256: _, sameAs: __, xattrs, ...rest }: TreeNode): Common {
  return { ...rest, names: Object.keys(xattrs).join() }
}
