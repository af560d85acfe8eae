import { hasCode, ImageError } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import { redacted } from './failures.ts'
import type { Host } from './hosts.ts'
import { isNamed, type NamedOptions } from './named.ts'
import { type Walk, walkOver } from './walk.ts'

/** Addresses of one blob that are looked at: a manifest may name any number. */
const maxUrls = 8

/**
 * `walk`, which for content that its hosts haven't got goes on to the addresses that the descriptor itself names: those
 * at hosts that the user has named, and no others. None of them is sent credentials.
 *
 * Errors: as `walk`; a NOT_FOUND hints at the hosts that would have to be allowed.
 * Source: OCI image-spec v1.1, "Content Descriptors", `urls`, and "Non-Distributable Layers".
 */
export function withForeign(walk: Walk, { urls = [] }: Descriptor, options: NamedOptions): Walk {
  const places = urls.slice(0, maxUrls).flatMap(placeOf)
  const hosts = places.filter(url => isNamed(url, options)).map(foreignHost)
  const foreign = walkOver(hosts)
  let isElsewhere = false
  return {
    demote: host => (hosts.includes(host) ? foreign : walk).demote(host),
    async ask(need, question, signal) {
      if (isElsewhere) return await foreign.ask(need, question, signal)
      try {
        return await walk.ask(need, question, signal)
      } catch (error) {
        if (!hasCode(error, 'NOT_FOUND')) throw error
        if (hosts.length === 0) throw hinting(error, places)
        isElsewhere = true
        return await foreign.ask(need, question, signal)
      }
    },
  }
}

function placeOf(text: string): readonly URL[] {
  if (!URL.canParse(text)) return []
  const url = new URL(text)
  url.username = url.password = url.hash = ''
  return url.protocol === 'https:' || url.protocol === 'http:' ? [url] : []
}

function foreignHost(address: URL): Host {
  const { host: name, origin } = address
  const source = `the manifest: ${redacted(address)}`
  return { name, origin, prefix: '', capabilities: ['pull'], headers: {}, connection: {}, address, source }
}

function hinting(error: ImageError<'NOT_FOUND'>, places: readonly URL[]): ImageError {
  const [place] = places
  if (place === undefined) return error
  const hint = `its manifest says that ${place.host} has it: --allow-host ${place.host} permits asking there`
  return new ImageError('NOT_FOUND', error.message, error.details, { hint, cause: error })
}
