import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { writeTar } from '../../../src/layer/tar/writer.ts'
import { type ReadEntry, readTar } from '../../support/tar.ts'

const script = new URL('../../../../test/support/reference-tar.py', import.meta.url).pathname
const scratch = mkdtempSync(join(tmpdir(), 'davit-tar-'))
const tree = join(scratch, 'tree')
const file = join(scratch, 'a.tar')
after(() => rmSync(scratch, { recursive: true }))

before(() => {
  mkdirSync(join(tree, 'd', 'empty'), { recursive: true })
  writeFileSync(join(tree, 'd', 'file'), 'data'.repeat(1000), { mode: 0o640 })
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/d/`), Buffer.from([0xff, 0xfe, 0x0a])]), 'no text')
  linkSync(join(tree, 'd', 'file'), join(tree, 'd', 'hard'))
  symlinkSync('/absolute/../target', join(tree, 'd', 'soft'))
  mkdirSync(join(tree, 'long', 'l'.repeat(120)), { recursive: true })
  writeFileSync(join(tree, 'long', 'l'.repeat(120), 'm'.repeat(200)), 'long')
  symlinkSync('t'.repeat(300), join(tree, 'long', 'link'))
  execFileSync('mkfifo', [join(tree, 'd', 'fifo')])
  // More fragments than an old GNU header holds.
  const sparse = openSync(join(tree, 'sparse'), 'w')
  for (let at = 0; at < 40; at++) writeSync(sparse, 'x'.repeat(100), at * 102_400)
  ftruncateSync(sparse, 5_000_000)
  closeSync(sparse)
  utimesSync(join(tree, 'd', 'file'), 1, 1_234_567_890.5)
})

/** As the script describes an entry. */
function describe({ type, path, link, data, size, xattrs, ...entry }: ReadEntry): object {
  const { mode, uid, gid, seconds, major, minor } = entry
  const name = path.toString('latin1').replace(/\/+$/, '')
  return {
    ...{ type, path: name, link: link.toString('latin1'), mode, uid, gid, seconds, major, minor },
    sha256: createHash('sha256').update(data).digest('hex'),
    size,
    xattrs: Object.fromEntries([...xattrs].map(([key, value]) => [key, value.toString('latin1')])),
  }
}

function agrees(): number {
  const expected: unknown = JSON.parse(execFileSync('python3', [script, 'list', file], { encoding: 'utf8' }))
  const entries = readTar(readFileSync(file), 65_536)
  assert.deepEqual(entries.map(describe), expected)
  return entries.length
}

for (const options of [
  // v7 has no fifos, and neither v7 nor ustar has long names.
  ['--format=v7', '--exclude=fifo', '--exclude=long'],
  ['--format=ustar', '--exclude=long'],
  ['--format=gnu'],
  ['--format=gnu', '--sparse'],
  ['--format=pax'],
  ['--format=pax', '--sparse', '--sparse-version=0.0'],
  ['--format=pax', '--sparse', '--sparse-version=0.1'],
  ['--format=pax', '--sparse', '--sparse-version=1.0'],
]) {
  test(`the reader agrees with tarfile about what GNU tar ${options.join(' ')} writes`, () => {
    execFileSync('tar', ['-c', '-f', file, '-C', tree, '--sort=name', ...options, '.'])
    if (options.includes('--sparse')) assert.ok(statSync(file).size < 1_000_000, 'holes were stored')
    assert.ok(agrees() >= 8)
  })
}

for (const format of ['ustar', 'gnu', 'pax']) {
  test(`the reader agrees with tarfile about what tarfile writes as ${format}`, () => {
    execFileSync('python3', [script, 'write', file, format])
    assert.ok(agrees() >= 10)
  })
}

test('tarfile reads what writeTar() writes', () => {
  const long = Buffer.from(`${'long/'.repeat(60)}name`)
  writeFileSync(
    file,
    writeTar([
      { type: 'directory', path: Buffer.from('d'), mode: 0o755 },
      { type: 'file', path: long, data: Buffer.alloc(1000, 'x'), uid: 4294967294, seconds: -5, nanoseconds: 5 },
      { type: 'symlink', path: Buffer.from('s'), link: long, seconds: 1 },
      { type: 'hardlink', path: Buffer.from('h'), link: long },
      { type: 'block', path: Buffer.from('b'), major: 259, minor: 70_000 },
      { type: 'file', path: Buffer.from([0xff]), xattrs: new Map([['user.a', Buffer.from('b\nc')]]) },
    ]),
  )
  assert.equal(agrees(), 6)
})
