import { ImageError } from '../errors.ts'
import type { Host } from './hosts.ts'
import type { Need } from './walk.ts'

export interface Failure {
  readonly host: Host
  readonly error: ImageError
}

/** One error for those of all hosts that were asked: code, facts and hint of the most telling one, words of all. */
export function failureOf(failures: readonly Failure[], need: Need): ImageError {
  const [first, ...others] = withoutTwins(failures)
  if (first === undefined) return noHost(need)
  if (others.length === 0) return first.error
  const { error } = others.reduce((best, failure) => (weight(failure) > weight(best) ? failure : best), first)
  const purpose = partsOf(error.message).purpose
  const found = [first, ...others].map(({ error: { message } }) => {
    const parts = partsOf(message)
    return parts.purpose === purpose ? parts.found : message.charAt(0).toLowerCase() + message.slice(1)
  })
  const { code, details, hint, cause } = error
  return new ImageError(code, `${purpose}: ${found.join('; ')}`, details, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  })
}

/** True when no registry has spoken at all. */
export function isMute({ code, details }: ImageError): boolean {
  return code === 'INVALID_RESPONSE' || (code === 'UNAVAILABLE' && !('status' in details))
}

/** Both schemes of one host fail alike: the first one says it. */
function withoutTwins(failures: readonly Failure[]): readonly Failure[] {
  return failures.filter(
    ({ host }, place) => !failures.slice(0, place).some(({ host: { isGuess, name } }) => isGuess && name === host.name),
  )
}

/** The registry itself knows best, if it has spoken; else whoever came furthest. */
function weight({ host, error }: Failure): number {
  if (isMute(error)) return 0
  if (host.mirrorOf === undefined) return 3
  return error.code === 'NOT_FOUND' ? 1 : 2
}

/** `Cannot fetch x: host fails` in its two parts; digests have a colon, too, but no space after it. */
function partsOf(message: string): { readonly purpose: string; readonly found: string } {
  const end = message.indexOf(': ')
  return end < 0 ? { purpose: '', found: message } : { purpose: message.slice(0, end), found: message.slice(end + 2) }
}

function noHost(need: Need): ImageError {
  const [wish, capability] =
    need === 'push' ? ['be written to', 'push'] : ['answer', need === 'tag' ? 'resolve' : 'pull']
  const message = `Cannot ask the registry: none of its hosts may ${wish}`
  const hint = `hosts.toml must give one of them the capability "${capability}"`
  return new ImageError('UNSUPPORTED', message, { what: 'hosts' }, { hint })
}
