import assert from 'node:assert/strict'
import { test } from 'node:test'
import { labelsLeftOut } from '../../src/bundle/annotations.ts'
import { idMap } from '../../src/bundle/id-map.ts'
import { type RuntimeOptions, runtimeConfig } from '../../src/bundle/runtime-config.ts'
import { parseConfig } from '../../src/spec/config.ts'

const bob = { uid: 1001, gid: 1002, additionalGids: [50], home: '/home/bob' }

interface Found {
  readonly process: {
    readonly terminal: boolean
    readonly user: object
    readonly args: readonly string[]
    readonly env: readonly string[]
    readonly cwd: string
  }
  readonly mounts: readonly { readonly destination: string; readonly options?: readonly string[] }[]
  readonly annotations: Readonly<Record<string, string>>
  readonly linux: {
    readonly namespaces: readonly { readonly type: string }[]
    readonly resources?: object
    readonly uidMappings?: readonly object[]
  }
}

function imageOf(config: object, more: object = {}) {
  const document = { os: 'linux', architecture: 'arm64', rootfs: { type: 'layers', diff_ids: [] }, config, ...more }
  return parseConfig(Buffer.from(JSON.stringify(document)))
}

function convert(config: object, options: Partial<RuntimeOptions> = {}, more: object = {}): Found {
  return runtimeConfig(imageOf(config, more), bob, { rootPath: 'rootfs', ...options }) as Found
}

test('runtimeConfig() joins entrypoint and command', () => {
  assert.deepEqual(convert({ Entrypoint: ['a', 'b'], Cmd: ['c'] }).process.args, ['a', 'b', 'c'])
  assert.deepEqual(convert({ Cmd: ['c'] }).process.args, ['c'])
  assert.deepEqual(convert({}).process.args, ['sh'])
})

test('runtimeConfig() keeps the image’s environment as it is, and adds only what it doesn’t name', () => {
  const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
  assert.deepEqual(convert({ Env: ['A=1', 'B', 'A=2'] }).process.env, [path, 'HOME=/home/bob', 'A=1', 'B', 'A=2'])
  assert.deepEqual(convert({ Env: ['HOME=', 'PATH=/x'] }).process.env, ['HOME=', 'PATH=/x'])
  assert.deepEqual(convert({ Env: ['PATH=/x', 'HOME=/'] }, { tty: true }).process.env.at(0), 'TERM=xterm')
})

test('runtimeConfig() starts in the working directory, which is absolute', () => {
  assert.deepEqual(
    [undefined, '/srv', 'srv', '/a/../../b'].map(WorkingDir => convert({ WorkingDir }).process.cwd),
    ['/', '/srv', '/srv', '/b'],
  )
})

test('runtimeConfig() annotates with facts, and lets labels win over them', () => {
  const prefix = 'org.opencontainers.image.'
  const config = {
    Labels: { colour: 'red', [`${prefix}author`]: 'the label' },
    StopSignal: 'SIGINT',
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
  }
  const more = { author: 'the config', created: '2026-01-01T00:00:00Z', variant: 'v8', 'os.features': ['a', 'b'] }
  assert.deepEqual(convert(config, {}, more).annotations, {
    [`${prefix}os`]: 'linux',
    [`${prefix}architecture`]: 'arm64',
    [`${prefix}variant`]: 'v8',
    [`${prefix}os.features`]: 'a,b',
    [`${prefix}author`]: 'the label',
    [`${prefix}created`]: '2026-01-01T00:00:00Z',
    [`${prefix}stopSignal`]: 'SIGINT',
    [`${prefix}exposedPorts`]: '53/udp,80/tcp',
    colour: 'red',
  })
})

test('runtimeConfig() leaves out labels that runtimes would obey on the machine', () => {
  const Labels = {
    'run.oci.hooks.stdout': '/etc/cron.d/x',
    'org.systemd.property.ExecStartPost': "'x'",
    'run.ocicolour': 'red',
  }
  assert.deepEqual(Object.keys(convert({ Labels }).annotations).slice(2), ['run.ocicolour'])
  assert.deepEqual(labelsLeftOut(imageOf({ Labels })), Object.keys(Labels).slice(0, 2))
})

test('runtimeConfig() mounts volumes, parents first, each once, and never over the root', () => {
  const Volumes = { '/b/c': {}, data: {}, '/b': {}, '/b/': {}, '/': {}, '/x/..': {} }
  const { mounts } = convert({ Volumes })
  const volumes = mounts.filter(({ options }) => options?.includes('tmpcopyup'))
  assert.deepEqual(
    volumes.map(({ destination }) => destination),
    ['/b', '/b/c', '/data'],
  )
})

test('runtimeConfig() gives an ordinary user a user namespace, and nothing that takes privilege', () => {
  const ranges = { uids: [[100_000, 65_536]], gids: [[200_000, 65_536]] } as const
  const { linux, mounts, process } = convert({}, { ids: idMap({ uid: 1000, gid: 1000 }, ranges) })
  assert.deepEqual(linux.uidMappings, [
    { containerID: 0, hostID: 1000, size: 1 },
    { containerID: 1, hostID: 100_000, size: 65_536 },
  ])
  const types = linux.namespaces.map(({ type }) => type)
  assert.deepEqual([types.includes('user'), types.includes('network'), linux.resources], [true, false, undefined])
  assert(!mounts.some(({ destination, options }) => destination === '/sys/fs/cgroup' || options?.includes('gid=5')))
  assert.deepEqual(process.user, { uid: 1001, gid: 1002, additionalGids: [50] })
})

test('runtimeConfig() refuses a user that an ordinary user has no id for: UNSUPPORTED', () => {
  const ids = idMap({ uid: 1000, gid: 1000 }, undefined)
  for (const [uid, gid] of [[1001, 0] as const, [0, 1002] as const]) {
    const user = { uid, gid, additionalGids: [] }
    assert.throws(() => runtimeConfig(imageOf({}), user, { rootPath: 'rootfs', ids }), { code: 'UNSUPPORTED' })
  }
  const root = { uid: 0, gid: 0, additionalGids: [50] }
  const found = runtimeConfig(imageOf({}), root, { rootPath: 'rootfs', ids }) as Found
  assert.deepEqual(found.process.user, { uid: 0, gid: 0 })
})
