import { mediaTypes } from '../../src/spec/media-types.ts'
import { type BuiltImage, buildImage } from '../../test/support/image.ts'
import { tarOf } from '../../test/support/layers.ts'
import {
  asChunk,
  broken,
  bytes,
  chunked,
  endless,
  lastChunk,
  redirect,
  status,
  trickle,
  withChanges,
  withoutRange,
} from '../../test/support/wire/faults.ts'
import { challengeWith, guardByPassword, guardByToken } from '../../test/support/wire/guard.ts'
import type { Lab } from '../../test/support/wire/lab.ts'
import { type askedOf, partsOf } from '../../test/support/wire/sample.ts'

/** One thing that is wrong with a registry. */
export interface Fault {
  readonly name: string
  /** What a good client makes of it. */
  readonly right: 'image' | 'refusal'
  /** A host that should not even be asked. */
  readonly offLimits?: string
  readonly given: (lab: Lab, asked: ReturnType<typeof askedOf>) => unknown
}

const half = 1024 * 1024
const ok = 'HTTP/1.1 200 OK\r\n'
const manifestHead = `"schemaVersion":2,"mediaType":"${mediaTypes.ociManifest}"`

/** The layer breaks off in the middle, then `script` answers. */
function brokenThen(script: ReturnType<typeof status>, times?: number): Fault['given'] {
  return ({ registry }, { layer }) => {
    registry.on(layer, broken(half, 'close'), 1)
    registry.on(layer, script, times)
  }
}

function onLayer(script: ReturnType<typeof status>, times?: number): Fault['given'] {
  return ({ registry }, { layer }) => registry.on(layer, script, times)
}

/** The manifest is this text, under its own digest. */
function manifest(text: (image: BuiltImage) => string, mediaType = mediaTypes.ociManifest as string): Fault['given'] {
  return ({ registry, image }, { manifest: get, resolve }) => {
    const body = Buffer.from(text(image))
    registry.content.put('manifests', '1', body, mediaType)
    const serve = withChanges({ 'content-type': mediaType, 'docker-content-digest': undefined }, () => body)
    registry.on(resolve, serve)
    registry.on(get, serve)
  }
}

function elsewhere(given: (lab: Lab, url: string) => unknown): Fault['given'] {
  return async (lab, asked) => {
    const other = await lab.host('other')
    lab.allowed.push(other.authority)
    const { layers } = partsOf(lab.image)
    const url = `${other.origin}/v2/x/blobs/${layers[0].digest}`
    lab.registry.on(asked.layer, redirect(url))
    await given(lab, url)
  }
}

export const faults: readonly Fault[] = [
  { name: 'nothing', right: 'image', given: () => {} },
  { name: 'F1 reset in mid-layer', right: 'image', given: onLayer(broken(half, 'reset'), 1) },
  { name: 'F2 end in mid-layer', right: 'image', given: onLayer(broken(half, 'close'), 1) },
  { name: 'F1 reset after every 300 KB', right: 'image', given: onLayer(broken(300_000, 'reset')) },
  {
    name: 'F5 bytes behind the layer, in chunks',
    right: 'refusal',
    given: onLayer(chunked(asChunk, `1\r\nx\r\n${lastChunk}`)),
  },
  { name: 'F5 layer without end', right: 'refusal', given: onLayer(endless(`${ok}\r\n`, Buffer.alloc(65_536))) },
  { name: 'F6 trickle of 20 bytes a second', right: 'refusal', given: onLayer(trickle(10, 500)) },
  { name: 'F7 429 twice', right: 'image', given: onLayer(status(429, { 'retry-after': '1' }), 2) },
  { name: 'F8 503 twice', right: 'image', given: onLayer(status(503), 2) },
  {
    name: 'F9 token expires in mid-layer',
    right: 'image',
    given({ registry }, { layer }) {
      const guard = guardByToken(registry)
      registry.on(
        layer,
        async exchange => {
          guard.revoke()
          await broken(half, 'close')(exchange)
        },
        1,
      )
    },
  },
  {
    name: 'F13 wrong bytes of the right length',
    right: 'refusal',
    given: onLayer(withChanges({}, body => body.fill(0, 0, 9))),
  },
  { name: 'F17 whole body for a range', right: 'image', given: brokenThen(withoutRange(), 1) },
  {
    name: 'F18 206 of another place',
    right: 'refusal',
    given: brokenThen(withChanges({ 'content-range': `bytes 0-${half}/9999999` })),
  },
  { name: 'F19 416 for the rest, once', right: 'image', given: brokenThen(status(416), 1) },
  {
    name: 'F11 redirect to itself',
    right: 'refusal',
    given: ({ registry }, { layer }) =>
      registry.on(layer, async exchange => redirect(exchange.request.target)(exchange)),
  },
  {
    name: 'F25 interim answers without end',
    right: 'refusal',
    given: onLayer(endless('', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(100))),
  },
  {
    name: 'F25 header of 100 MiB',
    right: 'refusal',
    given: onLayer(bytes(`${ok}x: `, Buffer.alloc(100 * 2 ** 20, 'a'))),
  },
  {
    name: 'T4 redirect target asks for the password',
    right: 'refusal',
    given: elsewhere((lab, _url) => {
      guardByPassword(lab.registry)
      lab.hosts.get('other')?.on(/ /, challengeWith('Basic realm="x"'))
    }),
  },
  {
    name: 'T3 token realm at another host',
    right: 'refusal',
    offLimits: 'other',
    async given({ registry, host }) {
      const realm = await host('other')
      guardByToken(registry, realm, { open: true })
    },
  },
  {
    name: 'T2 redirect to another service of this machine',
    right: 'refusal',
    offLimits: 'inside',
    async given({ registry, host }, { layer }) {
      const inside = await host('inside')
      registry.on(layer, redirect(`${inside.origin}/metadata/secrets`))
    },
  },
  {
    name: 'T1 foreign layer with urls of this machine',
    right: 'refusal',
    offLimits: 'inside',
    async given(lab) {
      const inside = await lab.host('inside')
      const foreign = { mediaType: mediaTypes.dockerForeignLayerGzip, urls: [`${inside.origin}/secrets`] }
      const image = buildImage({
        layers: [tarOf([{ path: 'foreign', content: lab.root }])],
        manifest: value => ({ ...value, layers: (value['layers'] as object[]).map(one => ({ ...one, ...foreign })) }),
      })
      lab.serve(image)
      const [digest = ''] = partsOf(image).layers.map(({ digest }) => digest)
      lab.registry.on(new RegExp(digest), status(404))
    },
  },
  {
    name: 'T7 manifest without end',
    right: 'refusal',
    given({ registry }, { resolve, manifest: get }) {
      registry.on(resolve, status(405))
      registry.on(get, endless(`${ok}content-type: ${mediaTypes.ociManifest}\r\n\r\n`, ' '.repeat(65_536)))
    },
  },
  {
    name: 'T9 layers twice, in two spellings',
    right: 'refusal',
    given: manifest(image => {
      const { config, layers } = partsOf(image)
      return `{${manifestHead},"config":${JSON.stringify(config)},"layers":${JSON.stringify(layers)},"LAYERS":[]}`
    }),
  },
  {
    name: 'T9 manifest and index in one',
    right: 'refusal',
    given: manifest(image => {
      const { config, layers } = partsOf(image)
      return `{${manifestHead},"config":${JSON.stringify(config)},"layers":${JSON.stringify(layers)},"manifests":[]}`
    }),
  },
  {
    name: 'T10 other manifest than the digest that was asked for',
    right: 'refusal',
    given(lab, { resolve, manifest: get }) {
      lab.name = `team/app@${lab.image.target.digest}`
      const other = withChanges({}, body => body.toString().replace(/^{/, '{ '))
      lab.registry.on(resolve, other)
      lab.registry.on(get, other)
    },
  },
  {
    name: 'T11 digest that is a path',
    right: 'refusal',
    given: manifest(image => {
      const { config } = partsOf(image)
      const layer = { mediaType: mediaTypes.ociLayer, digest: 'sha256:../../../../../tmp/x', size: 9 }
      return `{${manifestHead},"config":${JSON.stringify(config)},"layers":[${JSON.stringify(layer)}]}`
    }),
  },
  {
    name: 'T42 control characters in an error body',
    right: 'refusal',
    given: onLayer(status(403, {}, '{"errors":[{"code":"DENIED","message":"\\u001b[2Jgone"}]}')),
  },
]
