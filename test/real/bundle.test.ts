/** Bundles that real runtimes run, beside those that umoci makes of the same image. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { command } from '../support/command.ts'
import { davitOn, mainOfDavit } from '../support/davit.ts'
import { assertSameTree, dumpTree } from '../support/tree.ts'
import { buildBusyboxImage, busyboxTags } from './busybox-image.ts'
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

describe('a bundle', () => {
  let registry: RealRegistry
  const nameOf = (tag: string) => `${registry.host}/test/busybox:${tag}`

  before(async () => {
    chmodSync(scratch, 0o755)
    buildBusyboxImage(scratch)
    registry = await startDockerRegistry(at('registry'))
    for (const tag of busyboxTags) registry.push(`oci:${layout}:${tag}`, `test/busybox:${tag}`)
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

  for (const tag of busyboxTags) {
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
