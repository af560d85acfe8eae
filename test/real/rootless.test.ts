/** A fresh ordinary user, with subordinate ids and without: pulls a real image, unpacks it, runs programs of it. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { attempt, command } from '../support/command.ts'
import { repository } from '../support/repository.ts'
import { dumpTree } from '../support/tree.ts'
import { buildDebianImage, tag } from './debian-image.ts'
import { type RealRegistry, startDockerRegistry } from './docker-registry.ts'

const scratch = mkdtempSync(join(tmpdir(), 'davit-rootless-'))
const at = (...names: readonly string[]) => join(scratch, ...names)
const images = process.env['DAVIT_TEST_IMAGES'] ?? at('images')
const user = `davit${process.pid}`
/** First of its subordinate ids. */
const subordinate = 2_000_000
const script = '. /etc/os-release; echo "$PRETTY_NAME"; id -u; /bin/through-a-link'
const said = ['Debian GNU/Linux 12 (bookworm)', '0', 'linked']

describe('an ordinary user', () => {
  let registry: RealRegistry
  let name: string
  let uid: number

  before(async () => {
    chmodSync(scratch, 0o711)
    registry = await startDockerRegistry(at('registry'))
    name = `${registry.host}/test/debian:${tag}`
    registry.push(`oci:${buildDebianImage(images)}:${tag}`, `test/debian:${tag}`)
    command('useradd', '--home-dir', at('home'), '--create-home', user)
    uid = Number(command('id', '-u', user))
  })

  after(async () => {
    await registry.stop()
    // It isn't there if nothing got so far.
    attempt('userdel', '--remove', user)
    rmSync(scratch, { recursive: true, force: true })
  })

  /** Runs a program as the user, who finds davit where it may be read. */
  function asUser(program: string, ...words: readonly string[]) {
    const readable = at('davit')
    mkdirSync(readable, { recursive: true })
    const enter = `mount --bind ${repository} ${readable} && cd / && exec "$@"`
    const become = ['runuser', '-u', user, '--', 'env', `HOME=${at('home')}`, program, ...words]
    return attempt('unshare', '-m', 'sh', '-c', enter, 'sh', ...become)
  }

  function davit(...words: readonly string[]) {
    return asUser(process.execPath, at('davit/build/src/cli/main.js'), ...words)
  }

  /** Where the image is unpacked to, and what was said. */
  function unpacked(directory: string): { readonly root: string; readonly stderr: string } {
    const root = at('home', directory)
    const { status, stderr } = davit('unpack', '--progress', 'plain', name, root)
    assert.equal(status, 0, stderr)
    return { root, stderr }
  }

  test('pulls without privilege; mounting says what it takes instead', () => {
    const pulled = davit('pull', name)
    assert.equal(pulled.status, 0, pulled.stderr)
    mkdirSync(at('mnt'), { recursive: true })
    command('chown', user, at('mnt'))
    const { status, stderr } = davit('mount', name, at('mnt'))
    assert.equal(status, 11)
    assert.match(stderr, /needs root.*unpack/)
  })

  test('with subordinate ids: gets owners, and hears what is missing', () => {
    command('usermod', '--add-subuids', `${subordinate}-${subordinate + 65_535}`, user)
    command('usermod', '--add-subgids', `${subordinate}-${subordinate + 65_535}`, user)
    const { root, stderr } = unpacked('owned')
    const nodes = new Map(dumpTree(root).map(node => [node.path, node]))
    assert.equal(nodes.get('etc/passwd')?.owner, `${uid}:${uid}`)
    // 42: shadow.
    assert.match(nodes.get('etc/shadow')?.owner ?? '', new RegExp(`:(${subordinate + 41}|${ownRange(user) + 41})$`))
    assert.match(nodes.get('odd/capable')?.xattrs['security.capability'] ?? '', /./)
    assert.equal(nodes.get('odd/setuid')?.mode, '6755')
    // Beyond 65,536, nobody has such ids to give.
    assert.match(stderr, /owners are lost/)
    assert.match(stderr, /device files are left out/)
    assert.equal(nodes.has('odd/device'), false)

    const ran = asUser('unshare', '-r', '--map-auto', 'chroot', root, '/bin/sh', '-c', script)
    assert.deepEqual(ran.stdout.trim().split('\n'), said, ran.stderr)
  })

  test('directories of subordinate ids are copied for the next layer, and go with their image', () => {
    const pulled = davit('pull', '--snapshotter', 'native', name)
    assert.equal(pulled.status, 0, pulled.stderr)
    const snapshots = at('home/.local/share/davit/snapshots')
    const kept = () => readdirSync(snapshots).filter(entry => !entry.startsWith('.'))
    assert.ok(kept().length >= 3)
    assert.equal(davit('images', 'rm', name).status, 0)
    const { status, stderr } = davit('gc')
    assert.equal(status, 0, stderr)
    assert.deepEqual(kept(), [])
  })

  test('--strict refuses what can not be whole, and leaves nothing', () => {
    const { status, stderr } = davit('unpack', '--strict', name, at('home/strict'))
    assert.equal(status, 8)
    assert.match(stderr, /--strict/)
    assert.equal(readdirSync(at('home')).includes('strict'), false)
  })

  test('without subordinate ids: all is the user’s, owners are written down, and it runs', () => {
    for (const file of ['/etc/subuid', '/etc/subgid']) command('sed', '-i', `/^${user}:/d`, file)
    const { root, stderr } = unpacked('alone')
    assert.match(stderr, /no other owners than this user: .*\/etc\/subuid/)
    const nodes = dumpTree(root)
    assert.deepEqual([...new Set(nodes.map(({ owner }) => owner))], [`${uid}:${uid}`])
    // Field 1, 1234567; field 2, 7654321: varints.
    const owner = Buffer.from('0887ad4b10b197d303', 'hex').toString('latin1')
    const setuid = nodes.find(({ path }) => path === 'odd/setuid')
    assert.equal(setuid?.xattrs['user.rootlesscontainers'], owner)
    const ran = asUser('unshare', '-r', 'chroot', root, '/bin/sh', '-c', script)
    assert.deepEqual(ran.stdout.trim().split('\n'), said, ran.stderr)
  })
})

/** First of the ids that useradd gave by itself. */
function ownRange(name: string): number {
  const line = command('cat', '/etc/subuid')
    .split('\n')
    .find(line => line.startsWith(`${name}:`))
  return Number(line?.split(':')[1])
}
