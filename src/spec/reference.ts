import { ImageError } from '../errors.ts'
import { type Digest, isDigest } from './digest.ts'
import { hostPattern, maxPort, maxRepositoryLength, repositoryPattern, tagPattern } from './reference-grammar.ts'

/**
 * Where an image lives: registry host, repository, and a tag, a digest or both.
 *
 * Shape: normalised as Docker does: `alpine` is { host: 'docker.io', repository: 'library/alpine', tag: 'latest' }.
 */
export interface Reference {
  /** Host with its port, when it has one. `docker.io` stands for Docker Hub. */
  readonly host: string
  readonly repository: string
  readonly tag?: string
  readonly digest?: Digest
}

const dockerHub = 'docker.io'
const legacyDockerHub = 'index.docker.io'
const officialPrefix = 'library/'

/** Longer than any valid reference, in UTF-16 units: host 255, repository 255, tag 128, digest 135, marks. */
const maxLength = 1_000

/**
 * The reference that a person means by `text`.
 *
 * Shape:  `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`; `latest` when neither tag nor digest is given. The first component
 *         is a host if it is `localhost`, holds a dot or colon, or has an upper-case letter; else the host is docker.io.
 * Errors: INVALID_ARGUMENT, with a hint where the mistake is a known one.
 * Source: distribution/reference, `ParseNormalizedNamed`; stricter in one point: what looks like a host must be one,
 *         with a port that can be connected.
 */
export function parseReference(text: string): Reference {
  refuseMistakes(text)
  const [host, rest] = splitHost(text)
  const [name = '', ...digests] = rest.split('@')
  const [repository = '', ...tags] = name.split(':')
  const tag = tags.length === 0 ? undefined : tags.join(':')
  const digest = digests.length === 0 ? undefined : digests.join('@')
  return checkedReference(text, { host, repository, tag: tag ?? (digest === undefined ? 'latest' : undefined), digest })
}

/** The full form, `host/repository[:tag][@digest]`: parses to the same reference. */
export function formatReference({ host, repository, tag, digest }: Reference): string {
  return `${host}/${repository}${suffix(tag, digest)}`
}

/** The short form for people: `alpine:latest`. Parses to the same reference. */
export function familiarReference({ host, repository, tag, digest }: Reference): string {
  const short = repository.startsWith(officialPrefix) ? repository.slice(officialPrefix.length) : repository
  const familiar = short.includes('/') ? repository : short
  const isShort = host === dockerHub && splitHost(familiar).join('/') === `${dockerHub}/${repository}`
  return `${isShort ? familiar : `${host}/${repository}`}${suffix(tag, digest)}`
}

interface Parts {
  readonly host: string
  readonly repository: string
  readonly tag: string | undefined
  readonly digest: string | undefined
}

/**
 * A reference of parts that must hold as they are; `text` is what the caller was given, for errors.
 *
 * Errors: INVALID_ARGUMENT.
 */
export function checkedReference(text: string, { host, repository, tag, digest }: Parts): Reference {
  if (!hostPattern.test(host)) throw invalid(text, `${quote(host)} is not a registry host`)
  if (Number(/:(\d+)$/.exec(host)?.[1] ?? 0) > maxPort)
    throw invalid(text, `${quote(host)} has a port above ${maxPort}`)
  if (repository === '') throw invalid(text, 'no repository is named', 'name an image, for example alpine:3.22')
  const lowered = repository.toLowerCase()
  if (repository !== lowered && repositoryPattern.test(lowered)) {
    throw invalid(text, `repository ${quote(repository)} must be in lower case`, `write ${quote(lowered)}`)
  }
  if (!repositoryPattern.test(repository)) throw invalid(text, `${quote(repository)} is not a repository`)
  if (repository.length > maxRepositoryLength) {
    throw invalid(text, `its repository has more than ${maxRepositoryLength} characters`)
  }
  if (tag !== undefined && !tagPattern.test(tag)) throw invalid(text, `${quote(tag)} is not a tag`)
  if (digest !== undefined && !isDigest(digest)) {
    throw invalid(text, `${quote(digest)} is not a digest`, 'a digest is sha256: and 64 hex digits in lower case')
  }
  return { host, repository, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) }
}

/** Mistakes that the grammar alone would describe badly. */
function refuseMistakes(text: string): void {
  if (text === '') throw invalid(text, 'it is empty', 'name an image, for example alpine:3.22')
  if (text.length > maxLength) throw invalid(text, `it has more than ${maxLength} characters`)
  if (/\s/.test(text)) throw invalid(text, 'it holds white space')
  const scheme = /^[a-z]+:\/\//i.exec(text)
  if (scheme) throw invalid(text, 'it is a URL', `leave out ${quote(scheme[0])}`)
  if (/^[0-9a-f]{64}$/.test(text)) {
    throw invalid(text, '64 hex digits name a local image, not one in a registry', `write REPOSITORY@sha256:${text}`)
  }
}

/** Host and the rest, as Docker splits and completes them. */
function splitHost(text: string): [host: string, rest: string] {
  const slash = text.indexOf('/')
  const first = text.slice(0, Math.max(slash, 0))
  const isHost = first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase()
  if (slash === -1 || !isHost) return [dockerHub, slash === -1 ? officialPrefix + text : text]
  const rest = text.slice(slash + 1)
  if (first !== dockerHub && first !== legacyDockerHub) return [first, rest]
  return [dockerHub, rest.includes('/') ? rest : officialPrefix + rest]
}

function suffix(tag: string | undefined, digest: string | undefined): string {
  return `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`
}

function invalid(text: string, found: string, hint?: string): ImageError<'INVALID_ARGUMENT'> {
  const value = text.slice(0, 200)
  const details = { argument: 'reference', value }
  return new ImageError(
    'INVALID_ARGUMENT',
    `Cannot read reference ${quote(text)}: ${found}`,
    details,
    hint ? { hint } : {},
  )
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200))
}
