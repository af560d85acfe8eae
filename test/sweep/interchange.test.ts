/**
 * Every tool that is here writes and davit imports, davit exports and every tool reads: a matrix, printed at the end.
 *
 * `DAVIT_PEERS`: what goes before the tools' names, `chroot DIR`; `DAVIT_CTR`, `DAVIT_DOCKER`: the daemons' clients with
 * their addresses. Tools that aren't here are rows that say so. Needs root, Debian's docker-registry, skopeo and umoci.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { hexOf, parseDigest } from '../../src/spec/digest.ts'
import { makeScratch, needsRoot } from '../conformance/scratch.ts'
import { buildBusyboxImage } from '../real/busybox-image.ts'
import { type RealRegistry, startDockerRegistry } from '../real/docker-registry.ts'
import { attempt, command } from '../support/command.ts'
import { davitOn } from '../support/davit.ts'
import { forget, type Place, readers, writers } from './peers.ts'

interface Imported {
  readonly digest: string
  readonly config: string
  readonly chainId: string
}

const scratch = makeScratch('interchange-sweep')

describe('every tool and davit', { skip: needsRoot }, async () => {
  const davit = davitOn(join(scratch, 'store'))
  const rows: string[] = []
  const prefix = process.env['DAVIT_PEERS'] === undefined ? '' : `${process.env['DAVIT_PEERS']} `
  const { DAVIT_CTR: ctr = 'ctr', DAVIT_DOCKER: docker = 'docker' } = process.env
  const registry: RealRegistry = await startDockerRegistry(join(scratch, 'registry'))
  const place: Place = { reference: `${registry.host}/busybox:bob`, scratch, prefix, ctr, docker }
  let original: Imported

  const row = (...cells: readonly string[]) => rows.push(cells.map(cell => cell.padEnd(16)).join(' '))
  const shell = (text: string) => attempt('sh', '-c', text)

  before(() => {
    const layout = buildBusyboxImage(scratch)
    registry.push(`oci:${layout}:bob`, 'busybox:bob')
    original = davit.json<Imported>('pull', '--json', '--progress', 'quiet', '--snapshotter', 'erofs', place.reference)
    for (const format of ['oci', 'oci-archive', 'docker-archive']) {
      const out = join(scratch, `davit-${format}`)
      davit.run('export', '--format', format, '--tag', 'davit.example/it:1', place.reference, out)
    }
    const copied = `docker-archive:${join(scratch, 'davit-docker-copied')}:davit.example/it:1`
    davit.run('copy', '--progress', 'quiet', place.reference, copied)
  })
  after(async () => {
    shell(forget(place))
    await registry.stop()
    console.log(rows.join('\n'))
  })

  for (const { tool, format, probe, command: write } of writers(place)) {
    test(`davit imports what ${tool} writes: ${format}`, t => {
      if (shell(probe).status !== 0) {
        row(tool, format, 'davit', 'not here')
        return t.skip('not here')
      }
      command('sh', '-c', write)
      const path = join(scratch, `${tool}-${format}`)
      const own = davitOn(join(scratch, 'store-of-theirs'))
      const found = own.json<Imported>(
        ...['import', '--json', '--progress', 'quiet', '--snapshotter', 'erofs', path, `${tool}.example/${format}:1`],
      )
      assert.deepEqual([found.config, found.chainId], [original.config, original.chainId])
      const index = join(path, 'index.json')
      const list = existsSync(index) ? command('cat', index) : shell(`tar -xOf ${path} index.json`).stdout
      // Where it writes a manifest at all.
      if (list !== '') assert.ok(list.includes(found.digest), list)
      row(tool, format, 'davit', found.digest === original.digest ? 'digest equal' : 'config, layers equal')
    })
  }

  for (const { tool, format, sees, probe, command: read } of readers(place)) {
    test(`${tool} reads what davit exports: ${format}`, t => {
      if (shell(probe).status !== 0) {
        row('davit', format, tool, 'not here')
        return t.skip('not here')
      }
      const seen = command('sh', '-c', read)
      const wanted = sees === 'manifest' ? original.digest : original.config
      assert.ok(seen.includes(hexOf(parseDigest(wanted))), seen)
      row('davit', format, tool, `${sees} equal`)
    })
  }
})
