import { ImageError } from '../errors.ts'
import { checkedReference, type Reference } from './reference.ts'

/**
 * containerd's form of a reference: nothing is completed, so `alpine` is a host here.
 *
 * Source: containerd, `pkg/reference`.
 */
export interface Spec {
  /** Host and path, `docker.io/library/alpine`. */
  readonly locator: string
  /** `tag`, `tag@digest`, `@digest` or empty; the digest may be a part of one. */
  readonly object: string
}

const host = /^(?:[A-Za-z0-9][A-Za-z0-9._~-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?$/

/**
 * Reads a spec. Query and fragment vanish; empty and `.` components of the path collapse.
 *
 * Errors: INVALID_ARGUMENT: a scheme, no host, user information, `..`, percent escapes, control characters.
 */
export function parseSpec(text: string): Spec {
  if (text.includes('://')) throw invalid(text, 'a scheme is not allowed')
  if (/[\0-\x20\x7f%\\]/.test(text)) throw invalid(text, 'it holds white space, control characters or escapes')
  const [plain = ''] = text.split(/[?#]/, 1)
  const slash = plain.indexOf('/')
  const authority = slash === -1 ? plain : plain.slice(0, slash)
  const rest = slash === -1 ? '' : plain.slice(slash)
  if (authority === '') throw invalid(text, 'it has no host')
  if (!host.test(authority)) throw invalid(text, `${JSON.stringify(authority.slice(0, 200))} is not a host`)
  const split = rest.search(/[:@]/)
  const path = split === -1 ? rest : rest.slice(0, split)
  const object = split === -1 ? '' : rest.slice(rest[split] === ':' ? split + 1 : split)
  return { locator: [authority, ...components(text, path)].join('/'), object }
}

/** `locator:tag`, `locator:tag@digest` or `locator@digest`; the locator alone when there is no object. */
export function formatSpec({ locator, object }: Spec): string {
  if (object === '') return locator
  return object.startsWith('@') ? locator + object : `${locator}:${object}`
}

export function specHostname({ locator }: Spec): string {
  const slash = locator.indexOf('/')
  return slash === -1 ? locator : locator.slice(0, slash)
}

/** What follows the first `@`: perhaps a part of a digest, perhaps none; empty without one. */
export function specDigest({ object }: Spec): string {
  const at = object.indexOf('@')
  return at === -1 ? '' : object.slice(at + 1)
}

/**
 * The reference that a spec names.
 *
 * Errors: INVALID_ARGUMENT unless it has a repository, an object, and whole digests only.
 */
export function referenceOf(spec: Spec): Reference {
  const text = formatSpec(spec)
  if (spec.object === '') throw invalid(text, 'it has neither tag nor digest')
  const hostname = specHostname(spec)
  const at = spec.object.indexOf('@')
  return checkedReference(text, {
    host: hostname,
    repository: spec.locator.slice(hostname.length + 1),
    tag: (at === -1 ? spec.object : spec.object.slice(0, at)) || undefined,
    digest: at === -1 ? undefined : specDigest(spec),
  })
}

export function specOf({ host, repository, tag, digest }: Reference): Spec {
  return { locator: `${host}/${repository}`, object: `${tag ?? ''}${digest === undefined ? '' : `@${digest}`}` }
}

function components(text: string, path: string): readonly string[] {
  const all = path.split('/').filter(component => component !== '' && component !== '.')
  if (all.includes('..')) throw invalid(text, '".." would lead to another host')
  return all
}

function invalid(text: string, found: string): ImageError<'INVALID_ARGUMENT'> {
  const value = text.slice(0, 200)
  const details = { argument: 'reference', value }
  return new ImageError('INVALID_ARGUMENT', `Cannot read reference ${JSON.stringify(value)}: ${found}`, details)
}
