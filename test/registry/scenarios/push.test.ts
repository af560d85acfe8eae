/** What registries do to those who bring something. */
import assert from 'node:assert/strict'
import { ImageError } from '../../../src/errors.ts'
import type { Script } from '../../support/wire/exchange.ts'
import { broken, type Ending, redirect, status, withChanges } from '../../support/wire/faults.ts'
import { challengeWith, guardByPassword, guardByToken } from '../../support/wire/guard.ts'
import type { Lab } from '../../support/wire/lab.ts'
import { headerOf } from '../../support/wire/message.ts'
import { type PushScenario, pushScenarios } from '../../support/wire/push-scenario.ts'
import { config, layer, sample } from '../../support/wire/sample.ts'
import { assertAsked } from '../../support/wire/scenario.ts'

const begin = /^POST \S+\/blobs\/uploads\//
const progress = /^GET \S+\/blobs\/uploads\//
const commit = /^PUT \S+\/blobs\/uploads\//
const manifest = /^PUT \S+\/manifests\//
/** The second upload is the large layer's. */
const patch = /^PATCH \S+\/blobs\/uploads\/upload-2\?/
const anyPatch = /^PATCH /
const half = layer.size >> 1

/** Takes what came of the body, and then does something else than saying so. */
function taking(script: Script): Script {
  return async exchange => {
    exchange.honestTo(exchange.request)
    await script(exchange)
  }
}

/** Answers before the body is there, and ends the connection: the rest would be taken for a request. */
function early(script: Script): Script {
  return async exchange => {
    await script(exchange)
    await exchange.close()
  }
}

/** Says nothing. */
function ending(how: Ending): Script {
  return async exchange => {
    exchange.fire()
    await exchange[how]()
  }
}

function rangesSent({ registry }: Lab): readonly (string | undefined)[] {
  return registry.requests
    .filter(({ method, target }) => patch.test(`${method} ${target}`))
    .map(request => headerOf(request, 'content-range'))
}

/** Answers to the blob's PUT or the manifest's that don't mean that it is kept. */
const notKept: readonly (readonly [string, Script, PushScenario['code'], number])[] = [
  ['another digest', status(201, { 'docker-content-digest': config.digest }), 'DIGEST_MISMATCH', 7],
  ['a digest that is none', status(201, { 'docker-content-digest': 'x' }), 'DIGEST_MISMATCH', 7],
  ['202', status(202), 'INVALID_RESPONSE', 5],
  ['200', status(200), 'INVALID_RESPONSE', 5],
  ['204', status(204, {}, ''), 'INVALID_RESPONSE', 5],
  ['a redirect', redirect('/elsewhere'), 'INVALID_RESPONSE', 5],
  ['400', status(400), 'INVALID_RESPONSE', 5],
  ['403', status(403), 'UNAUTHORIZED', 4],
]

pushScenarios('push', [
  {
    name: 'all is there afterwards, and each blob was sent once, in one request',
    given: () => {},
    exit: 0,
    maxResent: 0,
    also(lab, results) {
      assert.deepEqual(results, ['uploaded', 'uploaded', 'uploaded', 'uploaded'])
      assertAsked(lab.registry, anyPatch, 3)
    },
  },
  {
    name: 'what is there is not sent',
    given: ({ registry }) => registry.content.putImage(sample, '1'),
    exit: 0,
    also({ registry }, results) {
      assert.deepEqual(results, ['exists', 'exists', 'exists', 'exists'])
      assertAsked(registry, /^(POST|PATCH|PUT)/, 0)
    },
  },
  {
    name: 'a mirror that hosts.toml says to take pushes gets them, and the registry nothing',
    async given(lab) {
      const host = await lab.host('mirror')
      lab.describe(
        `server = "${lab.registry.origin}"`,
        `[host."${host.origin}"]`,
        'capabilities = ["pull", "resolve", "push"]',
      )
    },
    exit: 0,
    keptAt: 'mirror',
    also: ({ registry }) => assertAsked(registry, /./, 0),
  },
  {
    name: 'a mirror that may only be read is not written to',
    async given(lab) {
      const host = await lab.host('mirror')
      lab.describe(`server = "${lab.registry.origin}"`, `[host."${host.origin}"]`)
    },
    exit: 0,
    also: ({ hosts }) => assert.deepEqual(hosts.get('mirror')?.requests, []),
  },
  {
    name: 'a registry that hosts.toml says to take no pushes',
    given: ({ registry, describe }) => describe(`server = "${registry.origin}"`, 'capabilities = ["pull", "resolve"]'),
    exit: 8,
    code: 'UNSUPPORTED',
    message: /none of its hosts may be written to/,
    also: ({ registry }) => assertAsked(registry, /./, 0),
  },
  {
    name: 'a manifest of another digest under the tag is replaced',
    given: ({ registry }) => registry.content.put('manifests', '1', Buffer.from('{}'), sample.target.mediaType),
    exit: 0,
  },
  {
    name: 'a registry that can’t be asked by HEAD',
    given: ({ registry }) => registry.on(/^HEAD /, status(405, {}, '')),
    exit: 0,
  },
  {
    name: 'a blob is mounted where the registry has it elsewhere',
    given({ registry }) {
      for (const [digest, bytes] of sample.blobs) if (digest !== sample.target.digest) registry.content.offer(bytes)
    },
    push: { mountFrom: 'team/base' },
    exit: 0,
    also({ registry }, results) {
      assert.deepEqual(results, ['mounted', 'mounted', 'mounted', 'uploaded'])
      assertAsked(registry, anyPatch, 0)
      const targets = registry.requests.filter(({ method }) => method === 'POST').map(({ target }) => target)
      assert.ok(targets.every(target => target.includes('&from=team%2Fbase')))
    },
  },
  {
    name: 'a mount that is refused becomes an upload',
    given: ({ registry }) => registry.on(begin, withChanges({})),
    push: { mountFrom: 'team/base' },
    exit: 0,
    also: ({ registry }) => assertAsked(registry, begin, 3),
  },
  ...[400, 403, 404, 405].map(
    (code): PushScenario => ({
      name: `a mount that is answered by ${code} becomes an upload`,
      given: ({ registry }) => registry.on(/^POST \S+mount=/, status(code)),
      push: { mountFrom: 'team/base' },
      exit: 0,
    }),
  ),
  {
    name: 'a mount of something else',
    given: ({ registry }) => registry.on(begin, status(201, { 'docker-content-digest': layer.digest })),
    push: { mountFrom: 'team/base' },
    exit: 7,
    code: 'DIGEST_MISMATCH',
  },

  {
    name: 'a token is fetched once, for pulling and pushing',
    given: ({ registry }) => guardByToken(registry),
    exit: 0,
    secretsTo: ['registry'],
    also({ registry }) {
      const tokens = registry.requests.filter(({ target }) => target.startsWith('/token'))
      const scopes = tokens.map(({ target }) => new URL(target, 'http://x').searchParams.getAll('scope'))
      assert.deepEqual(scopes, [['repository:team/app:pull,push']])
    },
  },
  {
    name: 'a token to mount is for both repositories',
    given: ({ registry }) => guardByToken(registry),
    push: { mountFrom: 'team/base' },
    exit: 0,
    secretsTo: ['registry'],
    also({ registry }) {
      const targets = registry.requests.filter(({ target }) => target.startsWith('/token')).map(({ target }) => target)
      const scopes = targets.map(target => new URL(target, 'http://x').searchParams.getAll('scope'))
      assert.deepEqual(scopes[1], ['repository:team/app:pull,push', 'repository:team/base:pull'])
    },
  },
  {
    name: 'a password is sent to the registry that asks for it',
    given: ({ registry }) => guardByPassword(registry),
    exit: 0,
    secretsTo: ['registry'],
  },
  {
    name: 'a token that ends in the middle: another one is fetched, and the layer sent with it',
    given({ registry }) {
      const guard = guardByToken(registry)
      registry.on(
        patch,
        async exchange => {
          guard.revoke()
          await challengeWith(`Bearer realm="${registry.origin}/token"`)(exchange)
        },
        1,
      )
    },
    exit: 0,
    secretsTo: ['registry'],
    maxResent: layer.size,
    also: ({ registry }) => assertAsked(registry, patch, 2),
  },
  {
    name: '401 before the layer is sent whole',
    given({ registry }) {
      const guard = guardByToken(registry)
      const script: Script = async exchange => {
        guard.revoke()
        await challengeWith(`Bearer realm="${registry.origin}/token"`)(exchange)
      }
      registry.onPart(patch, 10_000, early(script), 1)
    },
    exit: 0,
    secretsTo: ['registry'],
  },
  {
    name: '403 for the beginning of an upload',
    given: ({ registry }) => registry.on(begin, status(403)),
    exit: 4,
    code: 'UNAUTHORIZED',
    also: ({ registry }) => assertAsked(registry, begin, 1),
  },
  {
    name: 'a repository that isn’t there',
    given: ({ registry }) => registry.on(begin, status(404)),
    exit: 3,
    code: 'NOT_FOUND',
  },

  {
    name: 'an upload that is lost begins anew',
    given: ({ registry }) => registry.on(patch, status(404), 1),
    exit: 0,
    maxResent: layer.size,
    also: ({ registry }) => assertAsked(registry, begin, 4),
  },
  {
    name: 'uploads that are always lost',
    given: ({ registry }) => registry.on(anyPatch, status(404)),
    exit: 5,
    code: 'UNAVAILABLE',
    message: /has lost the upload \(404\)/,
    also: ({ registry }) => assertAsked(registry, begin, 3),
  },
  {
    name: '416: the registry says where it is',
    given: ({ registry }) => registry.on(patch, status(416), 1),
    exit: 0,
    maxResent: layer.size,
    also({ registry }) {
      assertAsked(registry, progress, 1)
      assertAsked(registry, begin, 3)
    },
  },
  ...[500, 502, 503, 504].map(
    (code): PushScenario => ({
      name: `${code} when half of the layer was taken: the other half is sent`,
      given: ({ registry }) => registry.onPart(patch, half, early(taking(status(code))), 1),
      exit: 0,
      also: lab => assert.deepEqual(rangesSent(lab), [undefined, `${half}-${layer.size - 1}`]),
    }),
  ),
  {
    name: 'a reset when half of the layer was taken: the other half is sent',
    given: ({ registry }) => registry.onPart(patch, half, taking(ending('reset')), 1),
    exit: 0,
    also: lab => assert.deepEqual(rangesSent(lab), [undefined, `${half}-${layer.size - 1}`]),
  },
  {
    name: 'a registry that falls silent when half of the layer was taken',
    limits: { headersMs: 2_000 },
    given: ({ registry }) => registry.onPart(patch, half, taking(ending('fallSilent')), 1),
    exit: 0,
    maxResent: layer.size,
  },
  {
    name: 'a layer that is taken, and nothing said',
    given: ({ registry }) => registry.on(patch, taking(broken('before the head', 'close')), 1),
    exit: 0,
    also: ({ registry }) => assertAsked(registry, patch, 1),
  },
  {
    name: '503 when half of the layer was taken, and the source has no more yet',
    stalls: true,
    given: ({ registry }) => registry.onPart(patch, half, early(taking(status(503))), 1),
    exit: 0,
    also: lab => assert.deepEqual(rangesSent(lab), [undefined, `${half}-${layer.size - 1}`]),
  },
  {
    name: 'a registry that takes half and says so',
    given: ({ registry }) =>
      registry.on(
        patch,
        async exchange => {
          exchange.fire()
          await exchange.answer(
            exchange.honestTo({ ...exchange.request, body: exchange.request.body.subarray(0, half) }),
          )
        },
        1,
      ),
    exit: 0,
    maxResent: half + 1,
    also: lab => assert.deepEqual(rangesSent(lab), [undefined, `${half}-${layer.size - 1}`]),
  },
  {
    name: 'a registry that claims to have more than it was sent',
    given: ({ registry }) => registry.on(patch, withChanges({ range: `0-${layer.size}` })),
    exit: 5,
    code: 'INVALID_RESPONSE',
  },
  {
    name: 'a registry that takes nothing and says so',
    given: ({ registry }) => registry.on(patch, status(202, { range: '0-0' })),
    exit: 5,
    code: 'INVALID_RESPONSE',
  },
  {
    name: '503 for ever',
    given: ({ registry }) => registry.on(patch, status(503)),
    exit: 5,
    code: 'UNAVAILABLE',
    also: ({ registry }) => assertAsked(registry, patch, 3),
  },
  {
    name: '429 with a time to come back: the layer is sent then',
    given: ({ registry }) => registry.on(patch, status(429, { 'retry-after': '1' }), 1),
    exit: 0,
    maxResent: layer.size,
    also: ({ registry }) => assertAsked(registry, progress, 1),
  },
  {
    name: '429 with a time that is too far off',
    given: ({ registry }) => registry.on(patch, status(429, { 'retry-after': '3600' })),
    exit: 6,
    code: 'RATE_LIMITED',
    also: ({ registry }) => assertAsked(registry, patch, 1),
  },
  {
    name: '413: the layer is sent in pieces',
    given: ({ registry }) => registry.on(patch, status(413), 1),
    exit: 0,
    maxResent: layer.size,
    also(lab) {
      const piece = 1024 * 1024
      const ranges = [`0-${piece - 1}`, `${piece}-${2 * piece - 1}`, `${2 * piece}-${layer.size - 1}`]
      assert.deepEqual(rangesSent(lab).slice(1), ranges)
    },
  },
  {
    name: '413 for whatever is sent',
    given: ({ registry }) => registry.on(anyPatch, status(413)),
    exit: 5,
    code: 'INVALID_RESPONSE',
    message: /too large \(413\)/,
    also: ({ registry }) => assertAsked(registry, anyPatch, 1),
  },

  ...notKept.flatMap(([what, script, code, exit]): PushScenario[] => [
    {
      name: `a blob that is answered by ${what}`,
      given: ({ registry }) => registry.on(commit, script),
      exit,
      ...(code === undefined ? {} : { code }),
    },
    {
      name: `a manifest that is answered by ${what}`,
      given: ({ registry }) => registry.on(manifest, script),
      exit,
      ...(code === undefined ? {} : { code }),
    },
  ]),
  {
    name: 'a blob that is kept, and nothing said: the registry is asked',
    given: ({ registry }) => registry.on(commit, taking(broken('before the head', 'reset')), 1),
    exit: 0,
    maxResent: 0,
    also: ({ registry }) => assertAsked(registry, commit, 3),
  },
  {
    name: 'a blob that is not kept, and nothing said: it is said again',
    given: ({ registry }) => registry.on(commit, ending('reset'), 1),
    exit: 0,
    maxResent: 0,
    also: ({ registry }) => assertAsked(registry, commit, 4),
  },
  {
    name: 'a manifest that is not kept, and nothing said: it is sent again',
    given: ({ registry }) => registry.on(manifest, ending('reset'), 1),
    exit: 0,
    also: ({ registry }) => assertAsked(registry, manifest, 2),
  },
  {
    name: 'the registry finds other bytes than were sent',
    given: ({ registry }) =>
      registry.on(patch, async exchange => {
        exchange.fire()
        const { request } = exchange
        await exchange.answer(exchange.honestTo({ ...request, body: Buffer.alloc(request.body.length) }))
      }),
    exit: 5,
    code: 'INVALID_RESPONSE',
    message: /DIGEST_INVALID/,
  },
  {
    name: 'content that isn’t what it should be is never completed',
    given: () => {},
    content: (bytes, digest) => (digest === layer.digest ? Buffer.from(bytes).fill(0, 0, 9) : bytes),
    exit: 7,
    code: 'DIGEST_MISMATCH',
    also: ({ registry }) => assertAsked(registry, commit, 1),
  },
  {
    name: 'a source that fails is not asked again',
    given: () => {},
    content(bytes, digest) {
      if (digest === layer.digest) throw new ImageError('UNAVAILABLE', 'the source fails', { host: 'memory' })
      return bytes
    },
    exit: 5,
    message: /^the source fails$/,
    also: ({ registry }) => assertAsked(registry, progress, 0),
  },
  {
    name: 'content that is too short is never completed',
    given: () => {},
    content: (bytes, digest) => (digest === layer.digest ? bytes.subarray(1) : bytes),
    exit: 7,
    code: 'SIZE_MISMATCH',
    also: ({ registry }) => assertAsked(registry, patch, 1),
  },

  {
    name: 'an upload at another host: it gets the bytes and no credentials',
    async given(lab) {
      guardByPassword(lab.registry)
      await elsewhere(lab)
      lab.allowed.push(hostOf(lab).authority)
    },
    exit: 0,
    secretsTo: ['registry'],
    also(lab) {
      assert.ok(hostOf(lab).requests.some(({ method }) => method === 'PATCH'))
      assert.ok(hostOf(lab).requests.every(request => headerOf(request, 'authorization') === undefined))
    },
  },
  {
    name: 'an upload at a host of this machine that nobody has named',
    given: async lab => void (await elsewhere(lab, false)),
    exit: 7,
    code: 'UNSAFE',
    also: lab => assert.equal(hostOf(lab).requests.length, 0),
  },
  {
    name: 'an upload without TLS at a registry that has it',
    tls: true,
    given: ({ registry }) => registry.on(begin, withChanges({ location: `http://${registry.authority}/v2/x` })),
    exit: 5,
    code: 'INVALID_RESPONSE',
  },
  ...['', 'http://', 'file:///etc/passwd'].map(
    (location): PushScenario => ({
      name: `an upload at ${location || 'no place'}`,
      given: ({ registry }) => registry.on(begin, withChanges({ location: location === '' ? undefined : location })),
      exit: 5,
      code: 'INVALID_RESPONSE',
    }),
  ),
  {
    name: 'an absolute address of an upload',
    given: ({ registry }) =>
      registry.on(begin, async exchange => {
        exchange.fire()
        const { honest } = exchange
        const headers = honest.headers.map(
          ([name, value]) => [name, name === 'location' ? `${registry.origin}${value}` : value] as const,
        )
        await exchange.answer({ ...honest, headers })
      }),
    exit: 0,
  },
  {
    name: 'a redirect of an upload',
    given: ({ registry }) => registry.on(begin, redirect('/v2/elsewhere')),
    exit: 5,
    code: 'INVALID_RESPONSE',
    message: /redirects what is written/,
  },
  {
    name: 'TLS',
    tls: true,
    given: () => {},
    exit: 0,
  },
])

function hostOf({ hosts }: Lab) {
  const host = hosts.get('elsewhere')
  assert.ok(host !== undefined)
  return host
}

/** Uploads are begun at the registry, and go on at another host that answers as the registry would. */
async function elsewhere(lab: Lab, isReached = true): Promise<void> {
  const { registry } = lab
  const other = await lab.host('elsewhere')
  registry.on(begin, async exchange => {
    exchange.fire()
    const answer = exchange.honest
    const headers = answer.headers.map(
      ([name, value]) => [name, name === 'location' ? `${other.origin}${value}` : value] as const,
    )
    await exchange.answer({ ...answer, headers })
  })
  if (isReached)
    other.on(/^(PATCH|PUT|GET) /, async exchange => {
      exchange.fire()
      await exchange.answer(registry.content.answer(exchange.request))
    })
}
