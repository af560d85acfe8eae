/** Real networks lose packets: docker-registry in one network namespace, davit in another. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { beside } from '../support/command.ts'
import { mainOfDavit } from '../support/davit.ts'
import { type BuiltImage, buildImage } from '../support/image.ts'
import { tarOf } from '../support/layers.ts'
import { readStore } from '../support/wire/store.ts'
import { type RealRegistry, startDockerRegistry } from './docker-registry.ts'
import { type Network, openNetwork } from './network.ts'

const scratch = mkdtempSync(join(tmpdir(), 'davit-loss-'))
const at = (...names: readonly string[]) => join(scratch, ...names)
const layerBytes = 8 * 1024 * 1024
const second = 1_000
const lossy = (percent: number) => `tcp sport != 0 numgen random mod 100 < ${percent} counter drop`

describe('a network', () => {
  let network: Network
  let registry: RealRegistry
  let stores = 0
  const image = buildImage({
    layers: [1, 2].map(number =>
      tarOf([{ path: `data-${number}`, content: randomBytes(layerBytes).toString('latin1') }]),
    ),
  })
  const size = [...image.blobs.values()].reduce((total, { length }) => total + length, 0)

  before(async () => {
    writeLayout(at('image'), image)
    const filling = await startDockerRegistry(at('registry'))
    filling.push(`oci:${at('image')}:1`, 'test/noise:1')
    await filling.stop()
    network = openNetwork()
    registry = await startDockerRegistry(at('registry'), { address: network.serverAddress, inside: network.server })
  })

  afterEach(() => {
    network.setUp(true)
    network.filter('input')
  })

  after(async () => {
    await registry.stop()
    network.remove()
    rmSync(scratch, { recursive: true, force: true })
  })

  /** Pulls into an empty store from the other end of the cable. */
  async function pull(...flags: readonly string[]) {
    stores += 1
    const words = ['pull', '--json', '--plain-http', '--snapshotter', 'none', '--platform', 'linux/amd64', ...flags]
    const [file = '', ...more] = [...network.client, process.execPath, mainOfDavit, '--root', at(`store-${stores}`)]
    const begun = performance.now()
    const { status, stdout, stderr } = await beside(file, [...more, ...words, `${registry.host}/test/noise:1`])
    assert.equal(status, 0, stderr)
    const { bytes } = JSON.parse(stdout) as { readonly bytes: { readonly fetched: number } }
    return { ms: performance.now() - begun, fetched: bytes.fetched }
  }

  /** Something of the layers has come, but not all. */
  async function untilFetching(): Promise<void> {
    const stored = () => readStore(at(`store-${stores}`)).bytes
    while (stored() < layerBytes / 8) await sleep(20)
    assert.ok(stored() < size / 2, 'there is time left to disturb it')
  }

  for (const [percent, withinMs] of [
    [1, 30 * second],
    [3, 60 * second],
    [10, 120 * second],
  ] as const) {
    test(`F26 that loses ${percent} % of all packets: the pull completes, and no byte is asked for twice`, async () => {
      network.filter('input', lossy(percent))
      const { ms, fetched } = await pull()
      assert.ok(network.counted() > 0, 'packets were lost')
      assert.equal(fetched, size)
      assert.ok(ms < withinMs, `took ${Math.round(ms)} ms`)
    })
  }

  test('F26 whose cable is out for two seconds: the pull completes', async () => {
    network.limit('30mbit')
    const pulling = pull()
    await untilFetching()
    network.setUp(false)
    await sleep(2 * second)
    network.setUp(true)
    const { fetched } = await pulling
    network.limit(undefined)
    assert.equal(fetched, size)
  })

  test('F1 whose firewall resets a connection in mid-layer: the pull goes on where it was', async () => {
    network.limit('30mbit')
    const pulling = pull()
    await untilFetching()
    network.filter('output', 'tcp flags & (syn|rst) == 0 counter reject with tcp reset')
    while (network.counted() === 0) await sleep(20)
    network.filter('input')
    const { fetched } = await pulling
    network.limit(undefined)
    assert.ok(fetched - size < 1024 * 1024, `${fetched} bytes were fetched for ${size}`)
  })
})

/** As an OCI image layout with the tag `1`. */
function writeLayout(directory: string, { target, blobs }: BuiltImage): void {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true })
  for (const [digest, bytes] of blobs) writeFileSync(join(directory, 'blobs', digest.replace(':', '/')), bytes)
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  const manifests = [{ ...target, annotations: { 'org.opencontainers.image.ref.name': '1' } }]
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }))
}
