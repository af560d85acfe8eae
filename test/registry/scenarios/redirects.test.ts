/** Where registries send davit, and what it takes along. */
import assert from 'node:assert/strict'
import { broken, bytes, endless, redirect, serve, status, withChanges } from '../../support/wire/faults.ts'
import { challengeWith, guardByPassword, guardByToken, signature } from '../../support/wire/guard.ts'
import type { WireHost } from '../../support/wire/host.ts'
import type { Lab } from '../../support/wire/lab.ts'
import { headerOf } from '../../support/wire/message.ts'
import { asked, layer } from '../../support/wire/sample.ts'
import { assertAsked, type Scenario, scenarios } from '../../support/wire/scenario.ts'

const half = layer.size >> 1

/** Another host that the registry may lead to, and its address for the layer. */
async function storage(lab: Lab): Promise<{ readonly other: WireHost; readonly url: string }> {
  const other = await lab.host('storage')
  lab.allowed.push(other.authority)
  return { other, url: `${other.origin}/v2/x/blobs/${layer.digest}?X-Signature=${signature}` }
}

function redirectedBy(code: number): Scenario {
  return {
    name: `T4 F12 a ${code} to another host takes no credential along`,
    async given(lab) {
      const { url } = await storage(lab)
      guardByToken(lab.registry)
      lab.registry.on(asked.layer, redirect(url, code))
    },
    exit: 0,
    secretsTo: ['registry'],
    also({ hosts }) {
      const [only, ...more] = hosts.get('storage')?.requests ?? []
      assert.deepEqual([only && headerOf(only, 'authorization'), more], [undefined, []])
    },
  }
}

/** Not followed, and not tried again. */
const nowhere: readonly (readonly [string, string | undefined])[] = [
  ['nowhere', undefined],
  ['an empty address', ''],
  ['a file', 'file:///etc/passwd'],
  ['FTP', 'ftp://127.0.0.1/x'],
  ['a script', 'javascript:alert(1)'],
  ['data', `data:application/octet-stream;base64,${'A'.repeat(100)}`],
  ['a host without a name', 'http://'],
  ['a port that there is not', 'http://127.0.0.1:99999/x'],
]

scenarios('redirects', [
  ...[301, 302, 303, 307, 308].map(redirectedBy),
  ...nowhere.map(
    ([what, location]): Scenario => ({
      name: `F11 a redirect to ${what} ends the pull`,
      given: ({ registry }) =>
        registry.on(asked.layer, location === undefined ? status(302, {}, '') : redirect(location)),
      exit: 5,
      code: 'INVALID_RESPONSE',
      also: ({ registry }) => assertAsked(registry, asked.layer, 1),
    }),
  ),
  ...[300, 304, 305, 306].map(
    (code): Scenario => ({
      name: `F11 ${code} is no redirect`,
      given: ({ registry }) => registry.on(asked.layer, redirect('/elsewhere', code)),
      exit: 5,
      code: 'INVALID_RESPONSE',
    }),
  ),
  {
    name: 'F11 a redirect to itself ends after five hops',
    given: ({ registry }) => registry.on(asked.layer, redirect(`/v2/team/app/blobs/${layer.digest}`)),
    exit: 5,
    code: 'INVALID_RESPONSE',
    also: ({ registry }) => assertAsked(registry, asked.layer, 6),
  },
  {
    name: 'F11 two hosts that send back and forth',
    async given(lab) {
      const { other, url } = await storage(lab)
      lab.allowed.push(lab.registry.authority)
      lab.registry.on(asked.layer, redirect(url))
      other.on(asked.layer, redirect(`${lab.registry.origin}/v2/team/app/blobs/${layer.digest}`))
    },
    exit: 5,
    code: 'INVALID_RESPONSE',
  },
  {
    name: 'T4 on the way back from another host the registry may have its credential',
    async given(lab) {
      const { other, url } = await storage(lab)
      guardByPassword(lab.registry)
      lab.registry.on(/GET \S+\/blobs\/\S+first/, serve)
      lab.registry.on(asked.layer, redirect(url), 1)
      other.on(asked.layer, redirect(`${lab.registry.origin}/v2/team/app/blobs/${layer.digest}?first`))
    },
    exit: 0,
    secretsTo: ['registry'],
    also({ hosts }) {
      const headers = hosts.get('storage')?.requests.map(request => headerOf(request, 'authorization'))
      assert.deepEqual(headers, [undefined])
    },
  },
  {
    name: 'T4 a redirect to another port of the same address is another host',
    async given(lab) {
      const twin = await lab.host('twin', { address: '127.0.0.1' })
      lab.allowed.push(twin.authority)
      guardByPassword(lab.registry)
      lab.registry.on(asked.layer, redirect(`${twin.origin}/v2/x/blobs/${layer.digest}`))
    },
    exit: 0,
    secretsTo: ['registry'],
  },
  {
    name: 'T4 a user name in the address is not sent',
    async given(lab) {
      const { other } = await storage(lab)
      const url = `http://ada:canary-password-ada@${other.authority}/v2/x/blobs/${layer.digest}`
      lab.registry.on(asked.layer, redirect(url))
    },
    exit: 0,
  },
  ...['Bearer realm="ORIGIN/token",service="x"', 'Basic realm="x"'].map(
    (challenge): Scenario => ({
      name: `T4 a redirect target that asks for ${challenge.slice(0, 6).trim()} gets nothing`,
      async given(lab) {
        const { other, url } = await storage(lab)
        guardByToken(lab.registry)
        lab.registry.on(asked.layer, redirect(url))
        other.on(asked.layer, challengeWith(challenge.replace('ORIGIN', other.origin)))
      },
      exit: 4,
      code: 'UNAUTHORIZED',
      secretsTo: ['registry'],
      heals: false,
      also({ hosts }) {
        const requests = hosts.get('storage')?.requests ?? []
        assert.ok(requests.every(request => headerOf(request, 'authorization') === undefined))
      },
    }),
  ),
  {
    name: 'F12 a signed address that has expired when the layer is resumed',
    async given(lab) {
      const { other, url } = await storage(lab)
      lab.registry.on(asked.layer, redirect(url), 1)
      lab.registry.on(asked.layer, redirect(`${url}2`))
      other.on(asked.layer, broken(half, 'reset'), 1)
      other.on(/signature$/, status(403))
      other.on(/signature2$/, serve)
    },
    exit: 0,
    untouched: true, // the expired address need not be asked again
  },
  {
    name: 'F12 a storage that refuses',
    async given(lab) {
      const { other, url } = await storage(lab)
      lab.registry.on(asked.layer, redirect(url))
      other.on(asked.layer, status(403))
    },
    exit: 4,
    code: 'UNAUTHORIZED',
    heals: false,
  },
  {
    name: 'F12 a storage that has lost it',
    async given(lab) {
      const { other, url } = await storage(lab)
      lab.registry.on(asked.layer, redirect(url))
      other.on(asked.layer, status(404))
    },
    exit: 3,
    code: 'NOT_FOUND',
  },
  {
    name: 'F12 F13 a storage that sends something else',
    async given(lab) {
      const { other, url } = await storage(lab)
      lab.registry.on(asked.layer, redirect(url))
      other.on(
        asked.layer,
        withChanges({}, body => body.fill(0)),
      )
    },
    exit: 7,
    code: 'DIGEST_MISMATCH',
  },
  {
    name: 'F12 a redirect to a closed port',
    async given(lab) {
      lab.allowed.push('127.0.0.9:9')
      lab.registry.on(asked.layer, redirect('http://127.0.0.9:9/x'))
    },
    exit: 5,
    code: 'UNAVAILABLE',
  },
  {
    name: 'T7 a redirect whose body has no end',
    async given(lab) {
      const { url } = await storage(lab)
      lab.registry.on(asked.layer, endless(`HTTP/1.1 307 Gone\r\nlocation: ${url}\r\n\r\n`, 'a'.repeat(65_536)))
    },
    exit: 0,
    maxRefetched: 16 * 2 ** 20, // what sockets hold
  },
  {
    name: 'F6 a redirect whose body does not come',
    async given(lab) {
      const { url } = await storage(lab)
      const head = `HTTP/1.1 307 Gone\r\nlocation: ${url}\r\ncontent-length: 10\r\n\r\n`
      lab.registry.on(asked.layer, async exchange => {
        exchange.fire()
        await exchange.send(head)
        await exchange.fallSilent()
      })
    },
    exit: 0,
  },
  {
    name: 'F11 two locations',
    async given(lab) {
      const { url } = await storage(lab)
      const head = `HTTP/1.1 307 Gone\r\nlocation: ${url}\r\nlocation: http://127.0.0.9:9/\r\ncontent-length: 0\r\n\r\n`
      lab.registry.on(asked.layer, bytes(head))
    },
    exit: 5,
    code: 'INVALID_RESPONSE',
  },
  {
    name: 'F11 a location of 100 KiB',
    given: ({ registry }) => registry.on(asked.layer, redirect(`/${'a'.repeat(100 * 1024)}`)),
    exit: 5,
    code: 'INVALID_RESPONSE',
  },
  {
    name: 'T42 control characters in a location stay out of messages',
    given: ({ registry }) => registry.on(asked.layer, redirect('ftp://x/\x1b[31m\x07?X-Signature=canary-signature')),
    exit: 5,
    code: 'INVALID_RESPONSE',
  },
  {
    name: 'F11 a manifest may be elsewhere, too',
    async given(lab) {
      const { other } = await storage(lab)
      lab.registry.on(asked.resolve, redirect(`${other.origin}/v2/x/manifests/1`))
      lab.registry.on(asked.manifest, redirect(`${other.origin}/v2/x/manifests/1`))
    },
    exit: 0,
  },
])
