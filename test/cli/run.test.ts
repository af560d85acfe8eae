import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Interruption } from '../../src/cli/exit-status.ts'
import { type Machine, OutputClosed, run } from '../../src/cli/run.ts'
import type { Settings } from '../../src/defaults.ts'
import { ImageError } from '../../src/errors.ts'
import type { Parts } from '../../src/parts.ts'

/** A machine whose store fails with `error` when it is asked for. */
function machineOf(
  words: string,
  { error = new Error('no store'), ...changes }: Partial<Machine> & { error?: unknown } = {},
) {
  const seen = { stdout: '', stderr: '', settings: undefined as Settings | undefined, closed: 0 }
  const fail = (): never => {
    throw error
  }
  const machine: Machine = {
    words: words.split(' '),
    env: { HOME: '/home/ada', SSL_CERT_FILE: '/ca.pem', XDG_RUNTIME_DIR: '/run/user/1000' },
    stderr: {
      write(text: string) {
        seen.stderr += text
      },
    },
    async write(result) {
      seen.stdout += result
    },
    async *stdin() {
      yield Buffer.from('secret\n')
    },
    ask: async () => 'typed',
    host: { os: 'linux', architecture: 'amd64' },
    signal: new AbortController().signal,
    async openParts(settings) {
      seen.settings = settings
      const close = async (): Promise<void> => {
        seen.closed++
      }
      // A root that is there: commands that look don't open an absent one.
      return {
        settings: { ...settings, root: import.meta.dirname },
        images: fail,
        resolver: fail,
        close,
      } as unknown as Parts
    },
    ...changes,
  }
  return { machine, seen }
}

test('run() prints results on stdout and exits with 0', async () => {
  const { machine, seen } = machineOf('version')
  assert.equal(await run(machine), 0)
  assert.match(seen.stdout, /^davit \d+\.\d+\.\d+\n$/)
  assert.equal(seen.stderr, '')
})

test('run() prints one line for an error, on stderr, and closes the parts', async () => {
  const error = new ImageError('UNAUTHORIZED', 'Cannot pull: refused', { host: 'a' })
  const { machine, seen } = machineOf('images ls', { error })
  assert.equal(await run(machine), 4)
  assert.deepEqual([seen.stdout, seen.stderr, seen.closed], ['', 'davit: Cannot pull: refused\n', 1])
})

test('run() adds a stack with --debug', async () => {
  const { machine, seen } = machineOf('images ls --debug')
  assert.equal(await run(machine), 1)
  assert.match(seen.stderr, /^davit: no store\nError: no store\n +at /)
})

test('run() keeps stderr a line an object with --progress json', async () => {
  const { machine, seen } = machineOf('pull alpine --progress json --lock-timeout x')
  assert.equal(await run(machine), 2)
  assert.equal(JSON.parse(seen.stderr).code, 'INVALID_ARGUMENT')
})

test('run() takes settings from flags before the environment', async () => {
  const { machine, seen } = machineOf(
    'digest alpine --root /x --plain-http --hosts-dir / --allow-host a:1 --allow-host b --no-fallback --username ada --password-stdin',
  )
  await run(machine)
  assert.deepEqual(seen.settings, {
    root: '/x',
    authFiles: [
      '/home/ada/.docker/config.json',
      '/run/user/1000/containers/auth.json',
      '/home/ada/.config/containers/auth.json',
    ],
    plainHttp: true,
    caFiles: ['/ca.pem'],
    hostsDirs: ['/'],
    allowHosts: ['a:1', 'b'],
    fallback: false,
    credentials: { username: 'ada', password: 'secret' },
  })
})

test('run() refuses half of a credential, and a malformed reference, before anything is opened', async () => {
  for (const words of [
    'digest alpine --username ada',
    'digest alpine --password-stdin',
    'digest Alpine',
    'digest alpine --allow-host http://a',
    'digest alpine --hosts-dir /no/such/directory',
    'pull a.example/x b.example/y --username ada --password-stdin',
    'pull alpine --platform linux/amd64/v1/x',
    'pull alpine --lock-timeout -1',
    'pull alpine --max-connections 0',
    'unpack alpine x --max-connections many',
    'pull alpine --max-connections 257',
    'pull alpine --lock-timeout 1e9',
    'pull alpine --quota bytes=5',
    'pull alpine --quota toString=5',
    'pull alpine --quota layer-bytes=-1',
    'pull alpine --quota layer-bytes=5X',
    'pull alpine --quota layer-bytes=9999999999T',
  ]) {
    const { machine, seen } = machineOf(words)
    assert.equal(await run(machine), 2, words)
    assert.equal(seen.settings, undefined, words)
    assert.match(seen.stderr, /^davit: [^\n]+\n$/, words)
  }
})

test('run() of an interrupted command exits with 130, and says what is kept', async () => {
  const interruption = new AbortController()
  interruption.abort(new Interruption('SIGINT'))
  const pull = machineOf('pull alpine', { signal: interruption.signal })
  assert.equal(await run(pull.machine), 130)
  assert.equal(pull.seen.stderr, 'davit: interrupted: run the same command to resume\n')
  const list = machineOf('images ls', { signal: interruption.signal })
  assert.equal(await run(list.machine), 130)
  assert.equal(list.seen.stderr, 'davit: interrupted\n')
})

test('run() is quiet when nobody reads stdout any more', async () => {
  const { machine, seen } = machineOf('version', {
    async write() {
      throw new OutputClosed()
    },
  })
  assert.equal(await run(machine), 0)
  assert.equal(seen.stderr, '')
})

test('run() notices that stdout can’t be written', async () => {
  const { machine, seen } = machineOf('version', {
    async write() {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
    },
  })
  assert.equal(await run(machine), 9)
  assert.match(seen.stderr, /^davit: ENOSPC/)
})

test('run() shows help on stdout when asked, on stderr as a reproach', async () => {
  const asked = machineOf('--help')
  assert.equal(await run(asked.machine), 0)
  assert.match(asked.seen.stdout, /^Usage: davit/)
  const reproach = machineOf('images')
  assert.equal(await run(reproach.machine), 2)
  assert.match(reproach.seen.stderr, /^Usage: davit images/)
  assert.equal(reproach.seen.stdout, '')
})
