import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { mergeLayers } from '../../src/layer/merge.ts'
import { asRoot, makeScratch, needsRoot } from '../conformance/scratch.ts'
import { directory, file, hardlink, type Item, symlink } from '../rootfs/extract/stack.ts'
import { attempt, command } from '../support/command.ts'
import { readErofs } from '../support/erofs.ts'
import { buildImage } from '../support/image.ts'
import { describeTree, indexOf, tarOf } from '../support/layers.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { serveImage } from '../support/serve-image.ts'
import { readTar } from '../support/tar.ts'
import { assertSameTree, dumpTree } from '../support/tree.ts'
import { davit, main, type Outcome } from './davit.ts'

/** `nobody`: exporting needs no privilege. */
const nobody = 65_534
const scratch = makeScratch('cli-export')
const home = `${scratch}/nobody`
const root = `${home}/root`

const layers: readonly (readonly Item[])[] = [
  [
    directory('.', { mode: 0o750, gid: 4 }),
    directory('bin', { mode: 0o1777, uid: 70_000, gid: 3 }),
    ...[0, 1, 4000, 4095, 4096, 4097, 3_000_000].map(size => file(`bin/${size}`, 'x'.repeat(size), { mode: 0o4711 })),
    file('gone', 'g'.repeat(100_000)),
    file('cap', 'c', { xattrs: { 'security.capability': '\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0' } }),
    ...(asRoot ? [{ type: 'block', path: 'disk', major: 8, minor: 1, mode: 0o660 } as const] : []),
  ],
  [hardlink('again', 'bin/3000000'), file('.wh.gone', ''), symlink('sh', 'bin/4097'), file('bin/1', 'y')],
]

let registry: TestRegistry
let name: string

function run(...words: string[]): Promise<Outcome> {
  return davit(words, { root, env: { HOME: home }, ...(asRoot ? { uid: nobody } : {}) })
}

function exportTo(path: string, format = 'erofs', ...flags: string[]): Promise<Outcome> {
  return run('export', '--platform', 'linux/amd64', '--format', format, ...flags, name, path)
}

/** A directory that the exporting user may write to. */
function makeOut(directory: string): string {
  mkdirSync(`${home}/${directory}`)
  if (asRoot) chownSync(`${home}/${directory}`, nobody, nobody)
  return `${home}/${directory}`
}

before(async () => {
  chmodSync(scratch, 0o755)
  mkdirSync(home)
  if (asRoot) chownSync(home, nobody, nobody)
  registry = await startRegistry()
  serveImage(registry, buildImage({ layers: layers.map(tarOf) }), '1')
  name = `${registry.host}/a:1`
  const pulled = await run('pull', '--progress', 'quiet', '--platform', 'linux/amd64', '--snapshotter', 'none', name)
  assert.equal(pulled.status, 0, pulled.stderr)
})
after(() => registry.close())

test('export writes one file that another reader finds the image in, the same each time', async () => {
  const path = `${makeOut('out')}/image`
  writeFileSync(path, 'what was there before')
  if (asRoot) chownSync(path, nobody, nobody)
  assert.deepEqual(await exportTo(path), { status: 0, stdout: '', stderr: '' })
  assert.deepEqual(readdirSync(`${home}/out`), ['image'])
  const [found = []] = readErofs([path])
  assert.deepEqual(
    found.map(({ path }) => path),
    [
      '.',
      'again',
      'bin',
      ...['0', '1', '3000000', '4000', '4095', '4096', '4097'].map(name => `bin/${name}`),
      'cap',
      ...(asRoot ? ['disk'] : []),
      'sh',
    ],
  )

  const piped = `${scratch}/piped`
  const words = [`--root ${root}`, 'export', '--platform linux/amd64', '--format erofs', name, '-']
  command('sh', '-c', `${process.execPath} ${main} ${words.join(' ')} | cat > ${piped}`)
  assert.deepEqual(readFileSync(piped), readFileSync(path))
})

test('what export writes is mounted through a loop device, and shows what a mount shows', {
  skip: needsRoot,
}, async () => {
  const image = `${home}/disk`
  assert.equal((await exportTo(image)).status, 0)
  const target = `${scratch}/disk`
  mkdirSync(target)
  command('mount', '-o', 'loop,ro', '-t', 'erofs', image, target)
  const found = dumpTree(target)
  command('umount', target)

  const own = { root: `${scratch}/root` }
  const platform = ['--platform', 'linux/amd64']
  assert.equal((await davit(['pull', ...platform, '--snapshotter', 'native', name], own)).status, 0)
  assert.equal((await davit(['mount', ...platform, name, target], own)).status, 0)
  const shown = dumpTree(target)
  assert.equal((await davit(['umount', target], own)).status, 0)
  assertSameTree(found, shown)
})

test('export replaces nothing but files, and leaves nothing half written', async () => {
  mkdirSync(`${home}/kept`)
  symlinkSync('kept', `${home}/link`)
  for (const path of [`${home}/kept`, `${home}/link`]) {
    const { status, stderr } = await exportTo(path)
    assert.equal(status, 2)
    assert.match(stderr, /something that is no file is there/)
  }
  assert.equal((await run('export', name, `${home}/x`)).status, 2)
  const full = attempt(
    'sh',
    '-c',
    `${process.execPath} ${main} --root ${root} export --platform linux/amd64 --format erofs ${name} - >/dev/full`,
  )
  assert.equal(full.status, 9, full.stderr)
  assert.deepEqual(
    readdirSync(home).filter(entry => /x|new/.test(entry)),
    [],
  )
})

test('export --format tar writes each file that is left once, links after what they name', async () => {
  const path = `${makeOut('tar')}/files.tar`
  assert.deepEqual(await exportTo(path, 'tar'), { status: 0, stdout: '', stderr: '' })
  const merged = mergeLayers(layers.map(tarOf).map(indexOf))
  const again = mergeLayers([indexOf(readFileSync(path))])
  assert.deepEqual(describeTree(again, [readFileSync(path)]), describeTree(merged, layers.map(tarOf)))
  const paths = readTar(readFileSync(path)).map(entry => entry.path.toString())
  assert.deepEqual(paths, ['./', 'again', 'bin/', ...paths.slice(3)])
  assert.equal(new Set(paths).size, paths.length)
})

test('export --format dir writes the files themselves', async () => {
  const path = `${makeOut('dir')}/files`
  const { status, stderr } = await exportTo(path, 'dir')
  assert.equal(status, 0, stderr)
  assert.deepEqual(readFileSync(`${path}/bin/1`, 'utf8'), 'y')
  assert.equal((await exportTo(path, 'dir')).status, 2)
})

test('export writes an OCI layout as a directory, and the same as a tar', async () => {
  const out = makeOut('oci')
  assert.deepEqual(await exportTo(`${out}/layout`, 'oci'), { status: 0, stdout: '', stderr: '' })
  assert.deepEqual(await exportTo(`${out}/archive`, 'oci-archive'), { status: 0, stdout: '', stderr: '' })
  for (const entry of readTar(readFileSync(`${out}/archive`)))
    assert.deepEqual(readFileSync(`${out}/layout/${entry.path}`), entry.data)
})

test('export names the image in an archive as it is told: docker-archive', async () => {
  const path = `${makeOut('docker')}/archive`
  const tags = ['--tag', 'a:2', '--tag', 'b.example/c:3']
  assert.deepEqual(await exportTo(path, 'docker-archive', ...tags), { status: 0, stdout: '', stderr: '' })
  const [list] = readTar(readFileSync(path))
  const [{ RepoTags }] = JSON.parse(String(list?.data)) as [{ RepoTags: string[] }]
  assert.deepEqual(RepoTags, ['docker.io/library/a:2', 'b.example/c:3'])
})

test('export refuses names where there is no room for them, and a directory on stdout: exit 2', async () => {
  assert.equal((await exportTo(`${home}/x`, 'tar', '--tag', 'a:1')).status, 2)
  assert.equal((await exportTo('-', 'oci')).status, 2)
})

test('export says what is missing when the compressed layers are gone: exit 3', async () => {
  const own = { root: `${scratch}/discarded` }
  const platform = ['--platform', 'linux/amd64']
  assert.equal(
    (await davit(['pull', ...platform, '--snapshotter', 'erofs', '--discard-compressed', name], own)).status,
    0,
  )
  for (const format of ['oci', 'oci-archive']) {
    const { status, stderr } = await davit(['export', ...platform, '--format', format, name, `${scratch}/x`], own)
    assert.equal(status, 3)
    assert.match(stderr, /a layer is missing here/)
  }
  const docker = await davit(['export', ...platform, '--format', 'docker-archive', name, `${scratch}/docker`], own)
  assert.equal(docker.status, 0, docker.stderr)
})
