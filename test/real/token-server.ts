import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { replyJson } from '../support/registry.ts'
import { basicHeader } from '../support/registry-guard.ts'
import { createAuthority } from '../support/wire/certificates.ts'

/** A token server as docker-registry trusts it, on loopback, in this process. */
export interface TokenServer {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly realm: string
  /** Name of both ends, for the registry's configuration. */
  readonly issuer: string
  readonly service: string
  /** PEM: what the registry must trust. */
  readonly authority: string
  /** Scopes that tokens were handed out for, each with the `Authorization` that came with it. */
  readonly issued: (readonly [scope: string, authorization: string | undefined])[]
  close(): Promise<void>
}

/** Those who know a password may pull what they ask for; nobody else may anything. Tokens live for `seconds`. */
export async function startTokenServer(users: Readonly<Record<string, string>>, seconds = 60): Promise<TokenServer> {
  const authority = createAuthority()
  const signer = authority.issue(['tokens'])
  const [issuer, service] = ['davit tests', 'registry']
  const issued: (readonly [string, string | undefined])[] = []

  function tokenFor(scopes: readonly string[]): string {
    const x5c = [signer.cert.replace(/-----[A-Z ]+-----|\n/g, '')]
    const now = Math.floor(Date.now() / 1000)
    const access = scopes.map(scope => {
      const [type, name, actions = ''] = scope.split(':')
      return { type, name, actions: actions.split(',') }
    })
    const claims = {
      iss: issuer,
      sub: 'test',
      aud: service,
      exp: now + seconds,
      nbf: now - 5,
      iat: now,
      jti: randomUUID(),
      access,
    }
    const text = [{ typ: 'JWT', alg: 'ES256', x5c }, claims].map(part => encode(JSON.stringify(part))).join('.')
    const key = createPrivateKey(signer.key)
    return `${text}.${encode(sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }))}`
  }

  const server = createServer((request, response) => {
    const scopes = new URL(request.url ?? '', 'http://tokens').searchParams.getAll('scope')
    const { authorization } = request.headers
    issued.push([scopes.join(' '), authorization])
    const isKnown = Object.entries(users).some(([user, password]) => authorization === basicHeader(user, password))
    if (authorization !== undefined && !isKnown) replyJson(response, 401, { details: 'incorrect username or password' })
    else replyJson(response, 200, { token: tokenFor(isKnown ? scopes : []), expires_in: seconds })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    host,
    realm: `http://${host}/token`,
    issuer,
    service,
    authority: authority.cert,
    issued,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function encode(bytes: string | Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
