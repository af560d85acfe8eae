import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDigest } from '../../spec/digest.ts'
import type { Sample } from './sample.ts'

/** Each connection gets a piece at a time, so that there is something to see. */
const pieceBytes = 64 * 1024
const pieceMs = 60

const repository = 'davit/sample'
const tag = 'latest'

export interface SampleRegistry {
  /** Reference of the sample, as `davit pull` takes it. */
  readonly reference: string
  close(): Promise<void>
}

/**
 * Serves `sample`, read-only, on a free port of loopback.
 *
 * Source: OCI distribution-spec v1.1, "Pull".
 */
export async function serveSample(sample: Sample): Promise<SampleRegistry> {
  const server = createServer((request, response) => {
    answer(sample, request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    reference: `127.0.0.1:${port}/${repository}:${tag}`,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function answer(sample: Sample, { method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') return void response.writeHead(405).end()
  if (url === '/v2/') return void response.writeHead(200).end()
  const [, kind, name = ''] = new RegExp(`^/v2/${repository}/(manifests|blobs)/([^/?]+)$`).exec(url) ?? []
  const found = kind === 'manifests' ? findDocument(sample, name) : findBlob(sample, name)
  if (found === undefined) {
    const code = kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN'
    response.writeHead(404, { 'content-type': 'application/json' })
    return void response.end(JSON.stringify({ errors: [{ code, message: 'unknown' }] }))
  }
  response.writeHead(200, {
    'content-type': found.mediaType,
    'content-length': found.bytes.length,
    'docker-content-digest': found.digest,
  })
  if (method === 'GET') await sendSlowly(found.bytes, response)
  response.end()
}

interface Found {
  readonly digest: string
  readonly mediaType: string
  readonly bytes: Uint8Array
}

function findDocument({ target, documents }: Sample, name: string): Found | undefined {
  const digest = name === tag ? target.digest : name
  const document = isDigest(digest) ? documents.get(digest) : undefined
  return document && { digest, ...document }
}

function findBlob({ blobs }: Sample, digest: string): Found | undefined {
  const bytes = isDigest(digest) ? blobs.get(digest) : undefined
  return bytes && { digest, mediaType: 'application/octet-stream', bytes }
}

async function sendSlowly(bytes: Uint8Array, response: ServerResponse): Promise<void> {
  for (let offset = 0; offset < bytes.length && !response.destroyed; offset += pieceBytes) {
    if (offset > 0) await sleep(pieceMs)
    response.write(bytes.subarray(offset, offset + pieceBytes))
  }
}
