import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { makeScratch, needsRoot } from '../conformance/scratch.ts'
import { file } from '../rootfs/extract/stack.ts'
import { buildImage } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { startRegistry, type TestRegistry } from '../support/registry.ts'
import { serveImage } from '../support/serve-image.ts'
import { davit, type Outcome } from './davit.ts'

const scratch = makeScratch('cli-bundle')
const root = `${scratch}/root`
const layer = tarOf([file('etc/passwd', 'bob:x:1001:1002::/home/bob:\n'), file('motd', 'ahoy\n')])
let registry: TestRegistry

function run(...words: string[]): Promise<Outcome> {
  return davit([...words, '--platform', 'linux/amd64'], { root })
}

function serve(tag: string, config: object): string {
  serveImage(registry, buildImage({ layers: [layer], config: before => ({ ...before, config }) }), tag)
  return `${registry.host}/a:${tag}`
}

interface RuntimeConfig {
  readonly process: { readonly user: object; readonly args: readonly string[] }
  readonly root: object
}

function configIn(bundle: string): RuntimeConfig {
  return JSON.parse(readFileSync(`${bundle}/config.json`, 'utf8')) as RuntimeConfig
}

before(async () => {
  registry = await startRegistry()
})
after(() => registry.close())

test('bundle makes a directory for a runtime, closed to others, pulling the image first', async () => {
  const name = serve('1', { User: 'bob', Cmd: ['/bin/x'], Labels: { 'run.oci.handler': 'krun' } })
  const { status, stdout, stderr } = await run('bundle', name, `${scratch}/new`)
  assert.deepEqual([status, stdout], [0, ''], stderr)
  assert.match(stderr, /label "run\.oci\.handler" left out/)
  assert.deepEqual(readdirSync(`${scratch}/new`), ['config.json', 'rootfs'])
  assert.equal(statSync(`${scratch}/new`).mode & 0o777, 0o700)
  assert.equal(readFileSync(`${scratch}/new/rootfs/motd`, 'utf8'), 'ahoy\n')
  const { process, root: place } = configIn(`${scratch}/new`)
  assert.deepEqual([process.user, process.args, place], [{ uid: 1001, gid: 1002 }, ['/bin/x'], { path: 'rootfs' }])
})

test('bundle leaves nothing of an image whose user nobody knows: exit 3', async () => {
  const name = serve('eve', { User: 'eve' })
  for (const flags of [[], ['--mount']]) {
    const { status, stderr } = await run('bundle', ...flags, name, `${scratch}/eve`)
    assert.equal(status, 3, stderr)
    assert.match(stderr, /Cannot find user "eve"/)
    assert.equal(existsSync(`${scratch}/eve`), false)
  }
})

test('bundle --mount mounts what may be written to, until umount', { skip: needsRoot }, async () => {
  const name = serve('mounted', { User: 'bob' })
  const { status, stderr } = await run('bundle', '--mount', name, `${scratch}/mounted`)
  assert.equal(status, 0, stderr)
  const motd = `${scratch}/mounted/rootfs/motd`
  assert.equal(readFileSync(motd, 'utf8'), 'ahoy\n')
  writeFileSync(motd, 'changed')
  assert.equal((await davit(['umount', `${scratch}/mounted/rootfs`], { root })).status, 0)
  assert.deepEqual(readdirSync(`${scratch}/mounted/rootfs`), [])
})
