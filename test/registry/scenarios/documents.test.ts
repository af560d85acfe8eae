/** Documents that claim to be what they aren't. */
import { gzipSync } from 'node:zlib'
import { type Digest, digestOf } from '../../../src/spec/digest.ts'
import { mediaTypes } from '../../../src/spec/media-types.ts'
import { add, amd64, type BuiltImage, buildImage, buildIndex, type ImageShape } from '../../support/image.ts'
import { tarOf } from '../../support/layers.ts'
import { bytes, chunked, endless, withChanges } from '../../support/wire/faults.ts'
import type { Lab } from '../../support/wire/lab.ts'
import { asked, config, layers, sample } from '../../support/wire/sample.ts'
import { type Scenario, scenarios } from '../../support/wire/scenario.ts'

const tar = tarOf([{ path: 'a', content: 'b' }])
const other = `sha256:${'1'.repeat(64)}`

/** An image with something else in its documents. */
function image(changes: Partial<ImageShape>): (lab: Lab) => void {
  return lab => lab.serve(buildImage({ layers: [tar], ...changes }))
}

/** A manifest of exactly these bytes, sent as what it says or as `mediaType`. */
function manifest(text: string | Uint8Array, mediaType: string = mediaTypes.ociManifest): (lab: Lab) => void {
  return lab => {
    const blobs = new Map<Digest, Uint8Array>()
    const target = add(blobs, mediaType, Buffer.from(text))
    lab.serve({ target, blobs })
    lab.registry.content.put('manifests', '1', Buffer.from(text), mediaType)
    lab.registry.content.put('manifests', target.digest, Buffer.from(text), mediaType)
  }
}

const descriptor = (digest: string, size: number | string = 9) =>
  `{"mediaType":"${mediaTypes.ociLayerGzip}","digest":${JSON.stringify(digest)},"size":${size}}`
const configText = JSON.stringify(config)
const head = `"schemaVersion":2,"mediaType":"${mediaTypes.ociManifest}"`

function withLayer(digest: string, size?: number | string): string {
  return `{${head},"config":${configText},"layers":[${descriptor(digest, size)}]}`
}

const hex = 'a'.repeat(64)

/** No digest of anything: not as a path, not as a name. */
const badDigests = [
  'sha256:../../../../etc/passwd',
  `sha256:${hex}/../x`,
  `sha256:${'A'.repeat(64)}`,
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'a'.repeat(65)}`,
  `sha256:${hex}\0`,
  `sha256:${hex}\n`,
  ` sha256:${hex}`,
  `sha256/${hex}`,
  `md5:${'a'.repeat(32)}`,
  `SHA256:${hex}`,
  `sha512:${hex}`,
  `sha256+b64:${hex}`,
  '',
  ':',
]

/** What is wrong, the manifest's bytes, and how they are sent. */
const malformed: readonly (readonly [string, string | Uint8Array, string?])[] = [
  ['T9 layers twice', `{${head},"config":${configText},"layers":[],"layers":[]}`],
  ['T9 LAYERS beside layers', `{${head},"config":${configText},"layers":[],"LAYERS":[]}`],
  ['T9 a long s beside layers', `{${head},"config":${configText},"layers":[],"layer\u017f":[]}`],
  ['T9 manifests beside layers', `{${head},"config":${configText},"layers":[],"manifests":[]}`],
  ['T9 fsLayers beside layers', `{${head},"config":${configText},"layers":[],"fsLayers":[]}`],
  ['T9 an index that calls itself a manifest', `{${head},"manifests":[]}`],
  ['T9 a manifest sent as an index', `{${head},"config":${configText},"layers":[]}`, mediaTypes.ociIndex],
  [
    'T9 an OCI manifest sent as one of Docker',
    `{${head},"config":${configText},"layers":[]}`,
    mediaTypes.dockerManifest,
  ],
  ['T9 a million nested arrays', '['.repeat(1_000_000)],
  ['F61 no config', `{${head},"layers":[]}`],
  ['F61 layers that are null', `{${head},"config":${configText},"layers":{}}`],
  ['F61 a config without a digest', `{${head},"config":{"size":2},"layers":[]}`],
  ['F15 a web page', '<!doctype html><title>Log in</title>'],
  ['F15 nothing', ''],
  ['F15 a byte order mark', `\ufeff{${head},"config":${configText},"layers":[]}`],
  ['F15 UTF-16', Buffer.from(`{${head},"config":${configText},"layers":[]}`, 'utf16le')],
  ['F15 bytes that are no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
  ['F15 half a document', `{${head},"config":`],
  ['T7 a size of 2^53', withLayer(`sha256:${hex}`, '9007199254740993')],
  ['T7 a size below zero', withLayer(`sha256:${hex}`, '-1')],
  ['T7 a fractional size', withLayer(`sha256:${hex}`, '1.5')],
  ['T7 a size as text', withLayer(`sha256:${hex}`, '"9"')],
]

/** Documents that lie about layers, found out when these are unpacked. */
const wrongDiffId = (diffIds: readonly string[]) =>
  image({ config: value => ({ ...value, rootfs: { type: 'layers', diff_ids: diffIds } }) })

const unpacking: readonly (readonly [string, (lab: Lab) => unknown])[] = [
  ['T12 F57 a diff ID of another layer', wrongDiffId([other])],
  ['F57 more diff IDs than layers', wrongDiffId([digestOf(tar), digestOf(tar)])],
  ['F57 fewer diff IDs than layers', wrongDiffId([])],
  [
    'T13 bytes behind the end of a layer',
    image({ compress: bytes => Buffer.concat([gzipSync(bytes), Buffer.from('x')]) }),
  ],
  ['T13 a layer that ends early', image({ compress: bytes => gzipSync(bytes).subarray(0, -9) })],
  ['T13 a layer that is no archive', image({ compress: () => Buffer.from('no layer') })],
]

/** Nested in each other, each with one entry. */
function nestedIndexes(depth: number): BuiltImage {
  let built: BuiltImage = sample
  for (let level = 0; level < depth; level++) built = buildIndex([[built, level === 0 ? amd64 : undefined]])
  return built
}

scenarios('documents', [
  ...malformed.map(
    ([what, text, mediaType]): Scenario => ({
      name: `${what} is malformed`,
      given: manifest(text, mediaType),
      exit: 7,
    }),
  ),
  ...badDigests.map(
    (digest): Scenario => ({
      name: `T11 ${JSON.stringify(digest).slice(1, 40)} is no digest of a layer`,
      given: manifest(withLayer(digest)),
      exit: 7,
      code: 'MALFORMED',
    }),
  ),
  ...['sha256:../../x', 'md5:1', '', `sha256:${'1'.repeat(64)}`].map(
    (digest): Scenario => ({
      name: `T10 a Docker-Content-Digest of ${digest.slice(0, 16) || 'nothing'} does not decide`,
      given: ({ registry }) => registry.on(asked.manifest, withChanges({ 'docker-content-digest': digest })),
      exit: 0,
    }),
  ),
  ...unpacking.map(([what, given]): Scenario => ({ name: `${what} is refused`, given, snapshotter: 'erofs', exit: 7 })),
  {
    name: 'T10 another manifest under a digest',
    given: ({ registry }) =>
      registry.on(
        asked.manifest,
        withChanges({}, body => body.toString().replace('"size":2', '"size":3')),
      ),
    exit: 7,
    code: 'DIGEST_MISMATCH',
    leaves: 'nothing',
  },
  {
    name: 'T10 another manifest of the same length under a pinned digest',
    given(lab) {
      lab.name = `team/app@${sample.target.digest}`
      lab.registry.on(
        asked.manifest,
        withChanges({}, body => body.fill(0x20, 0, 1)),
      )
    },
    exit: 7,
    leaves: 'nothing',
  },
  {
    name: 'T10 a pinned digest of which HEAD tells another',
    given(lab) {
      lab.name = `team/app@${sample.target.digest}`
      lab.registry.on(asked.resolve, withChanges({ 'docker-content-digest': other }))
    },
    exit: 0,
  },
  {
    name: 'T7 a manifest without end',
    given: ({ registry }) =>
      registry.on(asked.manifest, endless('HTTP/1.1 200 OK\r\n\r\n', ' '.repeat(65_536), 65_536)),
    exit: 7,
    leaves: 'nothing',
  },
  {
    name: 'T7 a manifest without end where HEAD is not allowed',
    given({ registry }) {
      registry.on(asked.resolve, bytes('HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n'))
      registry.on(asked.manifest, endless('HTTP/1.1 200 OK\r\n\r\n', ' '.repeat(65_536), 4 * 2 ** 20))
    },
    exit: 7,
    code: 'LIMIT_EXCEEDED',
    leaves: 'nothing',
  },
  {
    name: 'T7 a manifest without end in chunks, by the command',
    by: 'command',
    given({ registry }) {
      registry.on(asked.resolve, bytes('HTTP/1.1 405 No\r\ncontent-length: 0\r\n\r\n'))
      const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
      registry.on(asked.manifest, endless('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n', chunk, 4 * 2 ** 20))
    },
    exit: 7,
    code: 'LIMIT_EXCEEDED',
    leaves: 'nothing',
  },
  {
    name: 'T7 HEAD tells a manifest of 5 MiB',
    given: ({ registry }) => registry.on(asked.resolve, withChanges({ 'content-length': `${5 * 2 ** 20}` })),
    exit: 7,
    code: 'LIMIT_EXCEEDED',
    leaves: 'nothing',
  },
  {
    name: 'T7 a config of 5 MiB',
    given: image({ config: value => ({ ...value, padding: 'x'.repeat(5 * 2 ** 20) }) }),
    exit: 7,
    code: 'LIMIT_EXCEEDED',
  },
  {
    name: 'T7 more layers than any image has',
    given: manifest(`{${head},"config":${configText},"layers":[${Array(20_000).fill(descriptor(other)).join()}]}`),
    exit: 7,
    code: 'LIMIT_EXCEEDED',
  },
  {
    name: 'T9 a key that is dear to JavaScript',
    given: image({ manifest: value => JSON.parse(`{"__proto__":{"layers":[]},${JSON.stringify(value).slice(1)}`) }),
    exit: 0,
  },
  {
    name: 'T1 a layer that is elsewhere only',
    async given(lab) {
      const foreign = await lab.host('foreign')
      lab.serve(
        buildImage({
          layers: [tar],
          manifest: value => ({
            ...value,
            layers: (value['layers'] as object[]).map(one => ({
              ...one,
              mediaType: mediaTypes.dockerForeignLayerGzip,
              urls: [`${foreign.origin}/v2/x/blobs/x`],
            })),
          }),
        }),
      )
      lab.registry.on(asked.blobs, async exchange => {
        exchange.fire()
        const isConfig = exchange.honest.body[0] === 0x7b
        await exchange.answer(
          isConfig
            ? exchange.honest
            : { ...exchange.honest, status: 404, body: Buffer.alloc(0), headers: [['content-length', '0']] },
        )
      })
    },
    exit: 3,
    code: 'NOT_FOUND',
    also({ hosts }) {
      if (hosts.get('foreign')?.connections.length !== 0) throw new Error('the foreign host was asked')
    },
  },
  {
    name: 'T14 names come from the user alone',
    given: image({
      manifest: value => ({
        ...value,
        annotations: {
          'org.opencontainers.image.ref.name': 'docker.io/library/busybox:latest',
          'io.containerd.image.name': '../../../etc/passwd',
        },
      }),
    }),
    exit: 0,
  },
  {
    name: 'T15 labels and users of a config are only data',
    given: image({
      config: value => ({
        ...value,
        config: {
          User: '4294967296',
          Labels: { 'containerd.io/gc.root': 'x', 'a;rm -rf /': '$(id)' },
          WorkingDir: '/../..',
        },
      }),
    }),
    exit: 0,
  },
  {
    name: 'T16 a user of 2^32 is only data',
    given: image({ config: value => ({ ...value, config: { User: '4294967296:4294967296' } }) }),
    snapshotter: 'erofs',
    exit: 0,
  },
  {
    name: 'F66 embedded data that is another layer',
    given: image({
      manifest: value => ({
        ...value,
        layers: (value['layers'] as { size: number }[]).map(one => ({
          ...one,
          data: Buffer.alloc(one.size).toString('base64'),
        })),
      }),
    }),
    exit: 7,
    code: 'DIGEST_MISMATCH',
  },
  {
    name: 'F14 a layer that is longer than its descriptor says',
    given: ({ registry }) =>
      registry.on(
        asked.layer,
        chunked(part => [`${part.length.toString(16)}\r\n`, part, '\r\n'], '1\r\nx\r\n0\r\n\r\n'),
      ),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F13 other bytes of the right length',
    given: ({ registry }) =>
      registry.on(
        asked.layer,
        withChanges({}, body => body.fill(0, body.length - 9)),
      ),
    exit: 7,
    code: 'DIGEST_MISMATCH',
  },
  {
    name: 'F13 the small layer in place of the big one',
    given: ({ registry }) =>
      registry.on(
        asked.layer,
        withChanges({}, () => sample.blobs.get(layers[1].digest) ?? Buffer.alloc(0)),
      ),
    exit: 7,
    code: 'SIZE_MISMATCH',
  },
  {
    name: 'F62 indexes nested ten deep',
    given: lab => lab.serve(nestedIndexes(10)),
    exit: 7,
  },
  {
    name: 'F63 an index without this platform',
    given: lab => lab.serve(buildIndex([[sample, { os: 'linux', architecture: 's390x' }]])),
    exit: 8,
    code: 'NO_MATCHING_PLATFORM',
  },
  {
    name: 'F60 a layer of an unknown kind',
    given: image({ layerType: 'application/vnd.example.layer' }),
    exit: 8,
    code: 'UNSUPPORTED',
  },
  {
    name: 'F64 an artifact',
    given: image({ configType: mediaTypes.ociEmpty, config: () => ({}) }),
    exit: 8,
    code: 'UNSUPPORTED',
  },
  ...[
    ['a charset', `${mediaTypes.ociManifest}; charset=utf-8`],
    ['capital letters', mediaTypes.ociManifest.toUpperCase()],
    ['plain text', 'text/plain'],
    ['nothing', undefined],
  ].map(
    ([what, type]): Scenario => ({
      name: `F15 a manifest sent as ${what}`,
      given: ({ registry }) => registry.on(asked.resolve, withChanges({ 'content-type': type })),
      exit: 0,
    }),
  ),
  {
    name: 'F15 a manifest sent as an index',
    given: ({ registry }) => registry.on(asked.resolve, withChanges({ 'content-type': mediaTypes.ociIndex })),
    exit: 7,
    code: 'MALFORMED',
  },
  {
    name: 'T42 control characters of a document stay out of messages',
    given: manifest(`{${head},"config":${configText},"layers":[],"\\u001b[2J\\n":1,"\\u001b[2J\\n":1}`),
    exit: 7,
    code: 'MALFORMED',
  },
  {
    name: 'T11 the command ends with 7 for a digest that is a path',
    by: 'command',
    given: manifest(withLayer('sha256:../../../../tmp/x')),
    exit: 7,
    code: 'MALFORMED',
  },
  {
    name: 'F13 the command ends with 7 for wrong bytes',
    by: 'command',
    given: ({ registry }) =>
      registry.on(
        asked.layer,
        withChanges({}, body => body.fill(0, 0, 9)),
      ),
    exit: 7,
    code: 'DIGEST_MISMATCH',
  },
])
