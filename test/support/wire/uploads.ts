import { digestOf } from '../../../src/spec/digest.ts'
import { headerOf, json, type Received, type Response } from './message.ts'

interface Uploads {
  answer(request: Received): Response
}

interface Keeper {
  /** Whether the blob could be had from another repository. */
  mount(digest: string): boolean
  keep(digest: string, bytes: Uint8Array): void
}

interface Upload {
  bytes: Buffer
  /** In the address of the upload, and another one after each step, as distribution has it. */
  state: number
}

/** The uploads of an honest registry: its addresses are relative, and good for one step. */
export function openUploads({ mount, keep }: Keeper): Uploads {
  const uploads = new Map<string, Upload>()
  let begun = 0

  function begin(repository: string): Response {
    begun += 1
    const id = `upload-${begun}`
    const upload = { bytes: Buffer.alloc(0), state: 1 }
    uploads.set(id, upload)
    return progress(202, repository, id, upload)
  }

  return {
    answer({ method, target, body, ...request }) {
      const url = new URL(target, 'http://wire')
      const [, repository = '', id = ''] = /^\/v2\/(.+)\/blobs\/uploads\/([^/]*)$/.exec(url.pathname) ?? []
      const digest = url.searchParams.get('digest') ?? url.searchParams.get('mount') ?? ''
      if (method === 'POST') {
        const isMounted = digest !== '' && mount(digest)
        return isMounted ? created(`/v2/${repository}/blobs/${digest}`, digest) : begin(repository)
      }
      const upload = uploads.get(id)
      if (upload === undefined) return json(404, { errors: [{ code: 'BLOB_UPLOAD_UNKNOWN' }] })
      if (method === 'GET') return progress(204, repository, id, upload)
      const [, start = '0'] = /^(\d+)-\d+$/.exec(headerOf({ headers: request.headers }, 'content-range') ?? '') ?? []
      const isStale = url.searchParams.get('_state') !== String(upload.state)
      if (isStale || (method === 'PATCH' && Number(start) !== upload.bytes.length)) return json(416, {})
      if (method === 'PATCH') {
        upload.bytes = Buffer.concat([upload.bytes, body])
        upload.state += 1
        return progress(202, repository, id, upload)
      }
      uploads.delete(id)
      if (digestOf(upload.bytes) !== digest) return json(400, { errors: [{ code: 'DIGEST_INVALID' }] })
      keep(digest, upload.bytes)
      return created(`/v2/${repository}/blobs/${digest}`, digest)
    },
  }
}

function progress(status: number, repository: string, id: string, { bytes, state }: Upload): Response {
  const headers: Response['headers'] = [
    ['location', `/v2/${repository}/blobs/uploads/${id}?_state=${state}`],
    ['range', `0-${Math.max(0, bytes.length - 1)}`],
    ['content-length', '0'],
  ]
  return { status, headers: status === 204 ? headers.slice(0, 2) : headers, body: Buffer.alloc(0) }
}

/** Something new is kept. */
export function created(location: string, digest: string): Response {
  const headers: Response['headers'] = [
    ['location', location],
    ['docker-content-digest', digest],
  ]
  return { status: 201, headers: [...headers, ['content-length', '0']], body: Buffer.alloc(0) }
}
