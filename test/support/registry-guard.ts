import type { IncomingMessage, ServerResponse } from 'node:http'
import { replyJson } from './registry.ts'

export interface GuardOptions {
  readonly scheme: 'basic' | 'bearer'
  /** Passwords by user name. Without users, bearer tokens are handed to anybody. */
  readonly users?: Readonly<Record<string, string>>
  /** Refresh tokens that the token server takes. */
  readonly identityTokens?: readonly string[]
  /** `expires_in` of token responses, in seconds. */
  readonly expiresIn?: number
}

/** Lets requests in by password or by token; its token server is at `/token` of the registry itself. */
export interface Guard {
  /** Tokens issued so far. */
  readonly issued: readonly string[]
  /** Makes every token that was issued invalid. */
  revoke(): void
  /** Answers the request if it is for the token server or comes without what opens the door. */
  handles(request: IncomingMessage, response: ServerResponse, body: string): boolean
}

export function openGuard(origin: string, options: GuardOptions): Guard {
  const issued: string[] = []
  const valid = new Set<string>()
  const { users, identityTokens = [] } = options

  function knows(authorization: string | undefined): boolean {
    if (users === undefined) return true
    return Object.entries(users).some(([user, password]) => authorization === basicHeader(user, password))
  }

  function issue(response: ServerResponse): void {
    const token = `token-${issued.length + 1}`
    issued.push(token)
    valid.add(token)
    replyJson(response, 200, { token, ...(options.expiresIn === undefined ? {} : { expires_in: options.expiresIn }) })
  }

  function serveToken({ method, headers }: IncomingMessage, response: ServerResponse, body: string): void {
    const refresh = new URLSearchParams(body).get('refresh_token')
    const may = method === 'POST' ? identityTokens.includes(refresh ?? '') : knows(headers.authorization)
    if (may) issue(response)
    else replyJson(response, 401, { errors: [{ code: 'UNAUTHORIZED', message: 'wrong password' }] })
  }

  return {
    issued,
    revoke: () => valid.clear(),
    handles(request, response, body) {
      if (request.url?.startsWith('/token')) {
        serveToken(request, response, body)
        return true
      }
      const { authorization } = request.headers
      const basic = options.scheme === 'basic'
      if (basic ? knows(authorization) : valid.has(authorization?.replace(/^Bearer /, '') ?? '')) return false
      const challenge = basic ? 'Basic realm="test"' : `Bearer realm="${origin}/token",service="test-service"`
      const refusal = { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }
      replyJson(response, 401, refusal, { 'www-authenticate': challenge })
      return true
    },
  }
}

export function basicHeader(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}
