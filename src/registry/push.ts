import type { Descriptor } from '../spec/descriptor.ts'
import type { Reference } from '../spec/reference.ts'
import type { Host } from './hosts.ts'
import { checkKept } from './kept.ts'
import { noteReferrer, referrerIn } from './push-referrer.ts'
import type { ManifestOptions, Pusher } from './registry.ts'
import { type Client, type Question, request } from './request.ts'
import { Patience } from './retry.ts'
import { uploadBlob } from './upload.ts'
import type { Walk } from './walk.ts'
import { type Answer, header } from './wire.ts'

/** A pusher over HTTP, to the host of `walk` that answers a first look. */
export function openPusher(client: Client, walk: Walk, { repository }: Reference): Pusher {
  const scope = `repository:${repository}:pull,push`
  let host: Host | undefined
  /** Lists are read, changed and written: one after the other. */
  let noted = Promise.resolve()

  /** Looking changes nothing, so it may find out which scheme the host speaks; whatever is written goes there. */
  async function look(question: Pick<Question, 'path' | 'headers' | 'purpose' | 'patience' | 'signal'>) {
    const { patience, ...asked } = question
    const head = { method: 'HEAD', repository, scope, ...asked } as const
    const found = await walk.ask(
      'push',
      (host, isLast) => request(client, host, { ...head, patience: isLast ? patience : undefined }, [404, 405]),
      asked.signal,
    )
    found.value.body.close()
    host = found.host
    return found
  }

  function manifestAt({ digest }: Descriptor, { tag, signal }: ManifestOptions) {
    const name = tag ?? digest
    const patience = new Patience(client.limits)
    return { path: `manifests/${name}`, purpose: `push manifest ${name} to ${repository}`, patience, signal }
  }

  function lookForManifest(descriptor: Descriptor, options: ManifestOptions) {
    return look({ ...manifestAt(descriptor, options), headers: { accept: descriptor.mediaType } })
  }

  return {
    takesSchema1: true,

    get host() {
      return host === undefined ? undefined : new URL(host.origin).host
    },

    async pushBlob(descriptor, content, { signal, ...options } = {}) {
      const { digest } = descriptor
      const patience = new Patience(client.limits)
      const about = { purpose: `push blob ${digest} to ${repository}`, patience, signal }
      const has = async () => {
        const found = await look({ path: `blobs/${digest}`, headers: { accept: '*/*' }, ...about })
        return { host: found.host, isThere: found.value.status < 300 }
      }
      const { host, isThere } = await has()
      if (isThere) return 'exists'
      const isKept = async () => (await has()).isThere
      const errand = { client, host, repository, scope, descriptor, ...about }
      return await uploadBlob(errand, content, { isKept, patience, ...options })
    },

    async hasManifest(descriptor, options = {}) {
      const { value } = await lookForManifest(descriptor, options)
      return isManifest(value, descriptor, options.tag)
    },

    async pushManifest(descriptor, bytes, options = {}) {
      const { digest, mediaType } = descriptor
      const to = host ?? (await lookForManifest(descriptor, options)).host
      const about = manifestAt(descriptor, options)
      const put = {
        ...about,
        method: 'PUT',
        repository,
        scope,
        headers: { 'content-type': mediaType },
        body: bytes,
      } as const
      const answer = await request(client, to, put)
      const isListed = header(answer, 'oci-subject') !== undefined
      await checkKept(answer, digest, about.purpose)
      const referrer = isListed ? undefined : referrerIn(descriptor, bytes)
      if (referrer === undefined) return
      const note = () => noteReferrer(client, to, { ...about, repository, scope }, descriptor, referrer)
      noted = noted.then(note, note)
      await noted
    },
  }
}

/** Under a tag there may be another one: the registry must say that it is this. */
function isManifest(answer: Answer, { digest }: Descriptor, tag: string | undefined): boolean {
  const said = header(answer, 'docker-content-digest')
  return answer.status === 200 && (tag === undefined ? said === undefined || said === digest : said === digest)
}
