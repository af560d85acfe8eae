/** What other tools read of what davit writes, and davit of what they write: a row a pair, with digests. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { digestOf } from '../../src/spec/digest.ts'
import { command } from '../support/command.ts'
import { davitOn } from '../support/davit.ts'
import { assertSameTree, dumpTree } from '../support/tree.ts'
import { buildBusyboxImage } from './busybox-image.ts'
import { type RealRegistry, startDockerRegistry } from './docker-registry.ts'

const scratch = mkdtempSync(join(tmpdir(), 'davit-interchange-'))
const at = (...names: readonly string[]) => join(scratch, ...names)
const tag = 'bob'

/** As skopeo sees an image, whatever it is in. */
interface Seen {
  readonly Digest: string
  readonly Layers: readonly string[]
}

describe('davit and other tools', () => {
  const davit = davitOn(at('store'))
  const rows: string[] = []
  let registry: RealRegistry
  let layout: string
  let name: string

  before(async () => {
    layout = buildBusyboxImage(scratch)
    registry = await startDockerRegistry(at('registry'))
    registry.push(`oci:${layout}:${tag}`, `test/busybox:${tag}`)
    name = `${registry.host}/test/busybox:${tag}`
    davit.run('pull', '--snapshotter', 'none', name)
    command('umoci', 'unpack', '--image', `${layout}:${tag}`, at('umoci'))
  })
  after(async () => {
    await registry.stop()
    console.log(rows.join('\n'))
    rmSync(scratch, { recursive: true, force: true })
  })

  const seen = (source: string) => JSON.parse(command('skopeo', 'inspect', source)) as Seen
  const configIn = (source: string) => command('skopeo', 'inspect', '--raw', '--config', source)
  const original = () => seen(`oci:${layout}:${tag}`)
  const row = (writer: string, format: string, reader: string, found: string) =>
    rows.push([writer, format, reader, found].map(cell => cell.padEnd(16)).join(' '))

  for (const format of ['oci', 'oci-archive']) {
    test(`skopeo reads what davit exports, digests equal: ${format}`, () => {
      davit.run('export', '--format', format, name, at(format))
      const found = seen(`${format}:${at(format)}:${tag}`)
      assert.deepEqual([found.Digest, found.Layers], [original().Digest, original().Layers])
      command('skopeo', 'copy', '--quiet', `${format}:${at(format)}:${tag}`, `oci:${at(`${format}-copied`)}:it`)
      assert.equal(seen(`oci:${at(`${format}-copied`)}:it`).Digest, original().Digest)
      row('davit', format, 'skopeo', found.Digest)
    })
  }

  test('umoci unpacks what davit exports: oci', () => {
    command('umoci', 'unpack', '--image', `${at('oci')}:${tag}`, at('umoci-of-ours'))
    assertSameTree(dumpTree(at('umoci-of-ours/rootfs')), dumpTree(at('umoci/rootfs')))
    row('davit', 'oci', 'umoci', 'same tree')
  })

  test('skopeo reads what davit exports under each name, config and layers equal: docker-archive', () => {
    const path = at('docker-archive')
    davit.run('export', '--format', 'docker-archive', '--tag', 'a.example/b:1', '--tag', 'c:2', name, path)
    for (const given of ['a.example/b:1', 'docker.io/library/c:2']) {
      const source = `docker-archive:${path}:${given}`
      assert.equal(configIn(source), configIn(`oci:${layout}:${tag}`))
      command('skopeo', 'copy', '--quiet', source, `oci:${at('from-docker')}:${given.replace(/.*:/, 'v')}`)
      row('davit', 'docker-archive', 'skopeo', given)
    }
    command('umoci', 'unpack', '--image', `${at('from-docker')}:v1`, at('umoci-from-docker'))
    assertSameTree(dumpTree(at('umoci-from-docker/rootfs')), dumpTree(at('umoci/rootfs')))
  })

  test('skopeo reads what davit copies, config and layers equal: docker-archive', () => {
    const path = at('docker-copied')
    davit.run('copy', '--progress', 'quiet', name, `docker-archive:${path}:a.example/b:1`)
    const source = `docker-archive:${path}:a.example/b:1`
    assert.equal(configIn(source), configIn(`oci:${layout}:${tag}`))
    command('skopeo', 'copy', '--quiet', source, `oci:${at('from-copied')}:v1`)
    command('umoci', 'unpack', '--image', `${at('from-copied')}:v1`, at('umoci-from-copied'))
    assertSameTree(dumpTree(at('umoci-from-copied/rootfs')), dumpTree(at('umoci/rootfs')))
    row('davit copy', 'docker-archive', 'skopeo', 'same tree')
  })

  test('davit pulls what umoci writes, digests equal: oci', () => {
    const pulled = davit.run('pull', '--progress', 'quiet', '--snapshotter', 'none', `oci:${layout}:${tag}`)
    assert.ok(pulled.trim().endsWith(`:${tag}@${original().Digest}`), pulled)
    row('umoci', 'oci', 'davit pull', original().Digest)
  })

  test('GNU tar extracts what davit exports: tar', () => {
    davit.run('export', '--format', 'tar', name, at('files.tar'))
    command('mkdir', at('extracted'))
    const flags = ['--xattrs', '--xattrs-include=*', '--numeric-owner', '-p']
    command('tar', '-C', at('extracted'), ...flags, '-xf', at('files.tar'))
    assertSameTree(dumpTree(at('extracted')), dumpTree(at('umoci/rootfs')))
    row('davit', 'tar', 'GNU tar', 'same tree')
  })

  /** What davit takes from `source`, under a name of its own. */
  function imported(writer: string, source: string): { readonly digest: string; readonly config: string } {
    const format = source.replace(/:.*/, '')
    const name = `${writer}.example/${format}:1`
    const found = davit.json<{ digest: string; config: string }>(
      ...['import', '--json', '--progress', 'quiet', '--snapshotter', 'none', source, name],
    )
    davit.run('unpack', name, at(`${writer}-${format}-files`))
    assertSameTree(dumpTree(at(`${writer}-${format}-files`)), dumpTree(at('umoci/rootfs')))
    row(writer, format, 'davit', found.digest)
    return found
  }

  test('davit imports what umoci writes, digests equal: oci', () => {
    assert.equal(imported('umoci', `oci:${layout}:${tag}`).digest, original().Digest)
  })

  for (const format of ['oci', 'oci-archive']) {
    test(`davit imports what skopeo writes, digests equal: ${format}`, () => {
      const target = `${format}:${at(`skopeo-${format}`)}:${tag}`
      command('skopeo', 'copy', '--quiet', '--src-tls-verify=false', `docker://${name}`, target)
      assert.equal(imported('skopeo', target).digest, original().Digest)
    })
  }

  test('davit imports what skopeo writes, config and layers equal: docker-archive', () => {
    const path = at('skopeo-docker-archive')
    command('skopeo', 'copy', '--quiet', '--src-tls-verify=false', `docker://${name}`, `docker-archive:${path}:a:1`)
    const { config } = imported('skopeo', `docker-archive:${path}:a:1`)
    assert.equal(config, digestOf(configIn(`oci:${layout}:${tag}`)))
  })

  for (const format of ['oci', 'oci-archive', 'docker-archive']) {
    test(`davit imports what it exports: ${format}`, () => {
      const path = at(`own-${format}`)
      davit.run('export', '--format', format, name, path)
      const { digest, config } = imported('davit', `${format}:${path}`)
      if (format === 'docker-archive') assert.equal(config, digestOf(configIn(`oci:${layout}:${tag}`)))
      else assert.equal(digest, original().Digest)
    })
  }

  test('davit imports what GNU tar packs: tar', () => {
    command('tar', '-C', at('umoci/rootfs'), '--xattrs', '--numeric-owner', '-czf', at('files.tar.gz'), '.')
    imported('tar', `tar:${at('files.tar.gz')}`)
  })
})
