import type { Exchange, Script } from './exchange.ts'
import type { WireHost } from './host.ts'
import { headerOf, json } from './message.ts'

/** Who may come in, and with what. Every value is a canary: it is looked for where it doesn't belong. */
export const user = 'ada'
export const password = 'canary-password-ada'
export const identityToken = 'canary-identity-token'
export const basic = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** In whatever form they could leak. */
export const secrets: readonly string[] = [
  password,
  identityToken,
  basic.slice('Basic '.length),
  encodeURIComponent(basic.slice('Basic '.length)),
  'canary-token-',
  'canary-header',
]

/** May go to any host, but never into a message. */
export const signature = 'canary-signature'

export interface Guard {
  /** Tokens issued so far. */
  readonly issued: readonly string[]
  /** Makes every token that was issued invalid. */
  revoke(): void
}

/** Lets nobody fetch from `host` without a bearer token of `realm`, whose `/token` gives them out. */
export function guardByToken(
  host: WireHost,
  realm: WireHost = host,
  { expiresIn, open = false }: { readonly expiresIn?: number; readonly open?: boolean } = {},
): Guard {
  const issued: string[] = []
  const valid = new Set<string>()
  realm.onRest(/ \/token/, async exchange => {
    if (!open && !knows(exchange)) return await exchange.answer(json(401, { errors: [{ code: 'UNAUTHORIZED' }] }))
    const token = `canary-token-${issued.length + 1}`
    issued.push(token)
    valid.add(token)
    return await exchange.answer(json(200, { token, ...(expiresIn === undefined ? {} : { expires_in: expiresIn }) }))
  })
  host.onRest(/ \/v2\//, async exchange => {
    const token = headerOf(exchange.request, 'authorization')?.replace(/^Bearer /, '')
    if (valid.has(token ?? '')) return await exchange.answer(exchange.honest)
    return await exchange.answer(challenge(`Bearer realm="${realm.origin}/token",service="wire"`))
  })
  return { issued, revoke: () => valid.clear() }
}

/** Lets nobody fetch from `host` without the password. */
export function guardByPassword(host: WireHost): void {
  host.onRest(/ \/v2\//, async exchange =>
    knows(exchange) ? await exchange.answer(exchange.honest) : await exchange.answer(challenge('Basic realm="wire"')),
  )
}

/** Refuses with these `WWW-Authenticate` lines. */
export function challengeWith(...lines: readonly string[]): Script {
  return async exchange => {
    exchange.fire()
    await exchange.answer(challenge(...lines))
  }
}

function challenge(...lines: readonly string[]) {
  return json(
    401,
    { errors: [{ code: 'UNAUTHORIZED' }] },
    lines.map(line => ['www-authenticate', line] as const),
  )
}

function knows({ request }: Exchange): boolean {
  return (
    headerOf(request, 'authorization') === basic ||
    new URLSearchParams(request.body.toString()).get('refresh_token') === identityToken
  )
}
