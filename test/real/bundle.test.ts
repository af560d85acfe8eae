/** Bundles that real runtimes run, beside those that umoci makes of the same image. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { command } from '../support/command.ts'
import { davitOn, mainOfDavit } from '../support/davit.ts'
import { assertSameTree, dumpTree } from '../support/tree.ts'
import { type RealRegistry, startDockerRegistry } from './docker-registry.ts'
import { runBundle } from './runtime.ts'

/** An ordinary user without subordinate ids. */
const ordinary = 54_321
const scratch = mkdtempSync(join(tmpdir(), 'davit-real-bundle-'))
const at = (...names: readonly string[]) => join(scratch, ...names)
const layout = at('layout')

interface RuntimeConfig {
  readonly process: {
    readonly user: object
    readonly args: readonly string[]
    readonly env: readonly string[]
    readonly cwd: string
    readonly capabilities: Readonly<Record<string, readonly string[]>>
  }
  readonly mounts: readonly { readonly destination: string }[]
  readonly annotations: Readonly<Record<string, string>>
}

function configIn(bundle: string): RuntimeConfig {
  return JSON.parse(readFileSync(join(bundle, 'config.json'), 'utf8')) as RuntimeConfig
}

/** busybox, some accounts, a volume with something in it. */
function buildLayout(): void {
  const root = at('files')
  for (const name of ['bin', 'etc', 'home/bob', 'data']) mkdirSync(join(root, name), { recursive: true })
  cpSync('/bin/busybox', join(root, 'bin/busybox'))
  chmodSync(join(root, 'bin/busybox'), 0o755)
  for (const name of ['sh', 'id', 'pwd', 'cat', 'grep', 'hostname'])
    command('ln', '-s', 'busybox', join(root, 'bin', name))
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nbob:x:1001:1002::/home/bob:/bin/sh\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nbob:x:1002:\nstaff:x:50:bob\n')
  writeFileSync(join(root, 'data/seed'), 'seeded\n')
  command('tar', '-C', root, '--owner=0', '--group=0', '-cf', at('layer.tar'), '.')
  command('umoci', 'init', '--layout', layout)
  for (const [tag, user] of Object.entries({ bob: 'bob', root: 'root', number: '7:9' })) {
    const image = `${layout}:${tag}`
    command('umoci', 'new', '--image', image)
    command('umoci', 'raw', 'add-layer', '--image', image, at('layer.tar'))
    const script = 'id -u; id -g; id -G; pwd; echo $GREETING $HOME; cat /data/seed; hostname'
    const config = {
      user,
      entrypoint: '/bin/sh',
      workingdir: '/home/bob',
      volume: '/data',
      stopsignal: 'SIGINT',
      label: 'colour=red',
      exposedports: '80/tcp',
    }
    const flags = Object.entries(config).flatMap(([name, value]) => [`--config.${name}`, value])
    command('umoci', 'config', '--image', image, ...flags, '--config.env', 'GREETING=ahoy', '--author', 'somebody')
    command('umoci', 'config', '--image', image, '--config.cmd', '-c', '--config.cmd', script)
  }
}

describe('a bundle', () => {
  let registry: RealRegistry
  const nameOf = (tag: string) => `${registry.host}/test/busybox:${tag}`

  before(async () => {
    chmodSync(scratch, 0o755)
    buildLayout()
    registry = await startDockerRegistry(at('registry'))
    for (const tag of ['bob', 'root', 'number']) registry.push(`oci:${layout}:${tag}`, `test/busybox:${tag}`)
  })
  after(async () => {
    await registry.stop()
    rmSync(scratch, { recursive: true, force: true })
  })

  const asBob = ['1001', '1002', '1002 50', '/home/bob', 'ahoy /home/bob', 'seeded', 'davit']

  for (const runtime of ['crun', 'runc'] as const) {
    test(`${runtime} runs it, written and mounted`, () => {
      const davit = davitOn(at('store'))
      davit.run('bundle', nameOf('bob'), at(`${runtime}-written`))
      assert.deepEqual(
        runBundle(runtime, at(`${runtime}-written`))
          .trim()
          .split('\n'),
        asBob,
      )
      davit.run('bundle', '--mount', nameOf('bob'), at(`${runtime}-mounted`))
      try {
        assert.deepEqual(
          runBundle(runtime, at(`${runtime}-mounted`))
            .trim()
            .split('\n'),
          asBob,
        )
      } finally {
        davit.run('umount', at(`${runtime}-mounted`, 'rootfs'))
      }
    })

    test(`${runtime} runs an ordinary user’s`, () => {
      const home = at(`${runtime}-home`)
      mkdirSync(home)
      chownSync(home, ordinary, ordinary)
      const user = ['--reuid', String(ordinary), '--regid', String(ordinary), '--clear-groups', 'env', `HOME=${home}`]
      const words = [mainOfDavit, '--root', `${home}/store`, 'bundle', nameOf('root'), `${home}/bundle`]
      command('setpriv', ...user, process.execPath, ...words)
      const found = runBundle(runtime, `${home}/bundle`, ordinary).trim().split('\n')
      assert.deepEqual(found, ['0', '0', '0', '/home/bob', 'ahoy /root', 'seeded', 'davit'])
    })
  }

  for (const tag of ['bob', 'root', 'number']) {
    test(`is umoci’s where the specification decides: ${tag}`, () => {
      davitOn(at('store')).run('bundle', nameOf(tag), at(tag))
      command('umoci', 'unpack', '--image', `${layout}:${tag}`, at(`umoci-${tag}`))
      const [ours, theirs] = [configIn(at(tag)), configIn(at(`umoci-${tag}`))]
      const { annotations, process } = ours
      assert.deepEqual(annotations, theirs.annotations)
      assert.deepEqual(
        [process.user, process.args, process.cwd],
        [theirs.process.user, theirs.process.args, theirs.process.cwd],
      )
      // umoci says TERM whether there is a terminal or not, and HOME=/ for who has no account.
      const withoutTerm = theirs.process.env.filter(entry => entry !== 'TERM=xterm' && entry !== 'HOME=/')
      assert.deepEqual(process.env.toSorted(), withoutTerm.toSorted())
      assert.deepEqual(
        ours.mounts.map(({ destination }) => destination),
        theirs.mounts.map(({ destination }) => destination),
      )
      // umoci hands capabilities on to every program that is started: CVE-2022-24769.
      assert.deepEqual(Object.keys(process.capabilities), ['bounding', 'effective', 'permitted'])
      assertSameTree(dumpTree(at(tag, 'rootfs')), dumpTree(at(`umoci-${tag}`, 'rootfs')))
    })
  }
})
