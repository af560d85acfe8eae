/** Layers that registries need not hold: their manifest says where they are, and nobody may be led there unasked. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Descriptor } from '../../../src/spec/descriptor.ts'
import { mediaTypes } from '../../../src/spec/media-types.ts'
import { type BuiltImage, buildImage } from '../../support/image.ts'
import { tarOf } from '../../support/layers.ts'
import { broken, redirect, status, withChanges } from '../../support/wire/faults.ts'
import { basic, challengeWith, guardByToken } from '../../support/wire/guard.ts'
import type { WireHost } from '../../support/wire/host.ts'
import type { Lab } from '../../support/wire/lab.ts'
import { headerOf } from '../../support/wire/message.ts'
import { askedOf, noise, partsOf } from '../../support/wire/sample.ts'
import { type Scenario, scenarios } from '../../support/wire/scenario.ts'

const tar = tarOf([{ path: 'data', content: noise(500_000).toString('latin1') }])

/** An image whose one layer is at `urls`, and the registry without that layer. */
function imageAt(urls: readonly string[]): BuiltImage {
  return buildImage({
    layers: [tar],
    compress: layer => gzipSync(layer, { level: 1 }),
    layerType: mediaTypes.dockerForeignLayerGzip,
    manifest: manifest => ({
      ...manifest,
      layers: (manifest['layers'] as Descriptor[]).map(layer => ({ ...layer, urls })),
    }),
  })
}

const asked = askedOf(imageAt([]))
const [layer] = partsOf(imageAt([])).layers

interface Foreign {
  readonly elsewhere: WireHost
  readonly url: string
}

/** Serves the image, and its layer at another host alone. `urls`: what the manifest says; default: the truth. */
async function given(
  lab: Lab,
  { allowed = true, urls = ({ url }: Foreign) => [url] }: { allowed?: boolean; urls?: (_: Foreign) => string[] } = {},
): Promise<Foreign> {
  const elsewhere = await lab.host('elsewhere')
  if (allowed) lab.allowed.push(elsewhere.authority)
  const foreign = { elsewhere, url: `${elsewhere.origin}/v2/x/blobs/${layer.digest}` }
  lab.serve(imageAt(urls(foreign)))
  lab.registry.on(asked.layer, status(404))
  return foreign
}

/** What the other host was asked, and that nobody said who asks. */
function assertAnonymous({ hosts }: Lab, times: number): void {
  const { requests = [], connections = [] } = hosts.get('elsewhere') ?? {}
  assert.equal(requests.length, times)
  assert.ok(requests.every(request => headerOf(request, 'authorization') === undefined))
  if (times === 0) assert.equal(connections.length, 0)
}

scenarios('foreign layers', [
  {
    name: 'T1 a foreign layer is asked for nowhere else unless that is allowed',
    given: lab => given(lab, { allowed: false }),
    exit: 3,
    code: 'NOT_FOUND',
    also(lab, { text }) {
      assertAnonymous(lab, 0)
      assert.match(text, /--allow-host 127\.\d+\.\d+\.\d+:\d+ permits asking there/)
    },
  },
  {
    name: 'T1 a foreign layer comes from an allowed host, without credentials',
    async given(lab) {
      guardByToken(lab.registry)
      await given(lab)
    },
    exit: 0,
    secretsTo: ['registry'],
    also: lab => assertAnonymous(lab, 1),
  },
  {
    name: 'T1 not even credentials that are kept for that host go there',
    async given(lab) {
      const { elsewhere } = await given(lab)
      const auth = basic.replace('Basic ', '')
      writeFileSync(join(lab.docker, 'config.json'), JSON.stringify({ auths: { [elsewhere.authority]: { auth } } }))
      elsewhere.on(asked.layer, challengeWith('Basic realm="x"'))
    },
    exit: 4,
    code: 'UNAUTHORIZED',
    heals: false,
    also: lab => assertAnonymous(lab, 1),
  },
  {
    name: 'T1 a realm that a foreign host names is not asked',
    async given(lab) {
      const { elsewhere } = await given(lab)
      elsewhere.on(asked.layer, challengeWith(`Bearer realm="${elsewhere.origin}/token",service="x"`))
    },
    exit: 4,
    code: 'UNAUTHORIZED',
    heals: false,
    also: lab => assertAnonymous(lab, 1),
  },
  {
    name: 'T1 a foreign layer that the registry has comes from there',
    async given(lab) {
      await given(lab)
      lab.registry.mend()
    },
    exit: 0,
    untouched: true,
    also: lab => assertAnonymous(lab, 0),
  },
  {
    name: 'T1 T13 a foreign layer with other bytes',
    async given(lab) {
      const { elsewhere } = await given(lab)
      elsewhere.on(
        asked.layer,
        withChanges({}, body => Buffer.alloc(body.length)),
      )
    },
    exit: 7,
    code: 'DIGEST_MISMATCH',
    heals: false,
  },
  {
    name: 'T1 F4 a foreign layer of another length',
    async given(lab) {
      const { elsewhere } = await given(lab)
      elsewhere.on(asked.layer, withChanges({ 'content-length': '12' }))
    },
    exit: 7,
    code: 'SIZE_MISMATCH',
    heals: false,
  },
  {
    name: 'T1 F1 a foreign layer that breaks off goes on where it broke',
    async given(lab) {
      const { elsewhere } = await given(lab)
      elsewhere.on(asked.layer, broken(300_000, 'reset'), 1)
    },
    exit: 0,
    also(lab) {
      assertAnonymous(lab, 2)
      const [, again] = lab.hosts.get('elsewhere')?.requests ?? []
      assert.match((again && headerOf(again, 'range')) ?? '', /^bytes=[1-9]\d*-$/)
    },
  },
  {
    name: 'T1 T2 a foreign host may not send to the own machine',
    async given(lab) {
      const { elsewhere } = await given(lab)
      const inner = await lab.host('inner')
      elsewhere.on(asked.layer, redirect(`${inner.origin}/v2/x/blobs/${layer.digest}`))
    },
    exit: 7,
    code: 'UNSAFE',
    heals: false,
    also: ({ hosts }) => assert.equal(hosts.get('inner')?.connections.length, 0),
  },
  {
    name: 'T1 what is no web address is passed over, and the next one asked',
    given: lab =>
      given(lab, {
        urls: ({ url, elsewhere }) => [
          'file:///etc/passwd',
          'no address',
          `${elsewhere.origin}/nothing`,
          url.replace('http://', 'http://ada:canary-password-ada@'),
        ],
      }),
    exit: 0,
    also: lab => assertAnonymous(lab, 2),
  },
  {
    name: 'T1 a thousand addresses are not all asked',
    given: lab => given(lab, { urls: ({ url }) => Array.from({ length: 1_000 }, () => `${url.slice(0, -1)}x`) }),
    exit: 3,
    code: 'NOT_FOUND',
    also: lab => assertAnonymous(lab, 8),
  },
  {
    name: 'T1 a foreign layer by the command, with --allow-host',
    by: 'command',
    given: lab => given(lab),
    exit: 0,
    also: lab => assertAnonymous(lab, 1),
  },
] satisfies Scenario[])
