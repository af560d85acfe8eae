import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { endMark, formatHeader } from '../../src/layer/tar/writer.ts'
import { hostPlatform } from '../../src/spec/platform-host.ts'
import { machineFacts } from '../../src/system/host.ts'

/** A layer in pieces, some of them many times: what is large is never whole in memory. */
export interface Layer {
  readonly digest: string
  readonly diffId: string
  readonly size: number
  readonly pieces: readonly Uint8Array[]
}

/** gzip: each piece of the tar is a member. */
function layerOf(tar: Iterable<Uint8Array>): Layer {
  const [packed, plain] = [createHash('sha256'), createHash('sha256')]
  const members = new Map<Uint8Array, Buffer>()
  const pieces: Uint8Array[] = []
  let size = 0
  for (const piece of tar) {
    const member = members.get(piece) ?? gzipSync(piece, { level: 1 })
    if (piece.length > 1 << 20) members.set(piece, member)
    plain.update(piece)
    packed.update(member)
    size += member.length
    pieces.push(member)
  }
  return { digest: `sha256:${packed.digest('hex')}`, diffId: `sha256:${plain.digest('hex')}`, size, pieces }
}

/** A layer of `entries` files of up to 2 KiB, a hundred a directory. */
export function layerOfEntries(entries: number, name = 'files'): Layer {
  return layerOf(entriesOf(entries, name))
}

function* entriesOf(entries: number, name: string): Generator<Uint8Array> {
  const content = Buffer.alloc(2048, 'the small crane that a ship carries itself\n')
  for (let at = 0; at < entries; at += 5000) {
    const parts: Uint8Array[] = []
    for (let file = at; file < Math.min(at + 5000, entries); file++) {
      const directory = `${name}/${(file / 10_000) | 0}/${(file / 100) | 0}`
      if (file % 100 === 0) parts.push(formatHeader({ type: 'directory', path: Buffer.from(directory), mode: 0o755 }))
      const size = (file * 7919) % 2048
      parts.push(formatHeader({ type: 'file', path: Buffer.from(`${directory}/${file}`), mode: 0o644, size }))
      parts.push(content.subarray(0, size), Buffer.alloc(-size & 511))
    }
    yield Buffer.concat(parts)
  }
  yield endMark
}

/** A layer of one file: the same 16 MiB, half of it noise, over and over. */
export function layerOfBytes(bytes: number): Layer {
  return layerOf(bytesOf(bytes))
}

function* bytesOf(bytes: number): Generator<Uint8Array> {
  const block = Buffer.alloc(16 << 20, 'the small crane')
  for (let at = 0; at < block.length; at += 64) {
    createHash('sha256').update(`${at}`).digest().copy(block, at)
  }
  const size = Math.ceil(bytes / block.length) * block.length
  yield formatHeader({ type: 'file', path: Buffer.from('large'), mode: 0o644, size })
  for (let at = 0; at < size; at += block.length) yield block
  yield endMark
}

export interface Served {
  /** `HOST:PORT/generated:it`. */
  readonly reference: string
  close(): void
}

/** Serves one image of these layers from loopback. */
export async function serveLayers(layers: readonly Layer[]): Promise<Served> {
  const { os, architecture } = hostPlatform(machineFacts())
  const config = bytesOfJson({ os, architecture, rootfs: { type: 'layers', diff_ids: layers.map(one => one.diffId) } })
  const manifest = bytesOfJson({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
    layers: layers.map(({ digest, size }) => ({
      mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
      digest,
      size,
    })),
  })
  const blobs = new Map<string, readonly Uint8Array[]>(layers.map(({ digest, pieces }) => [digest, pieces]))
  blobs.set(digestOf(config), [config])
  blobs.set(digestOf(manifest), [manifest])
  blobs.set('it', [manifest])

  const server = createServer(async (request, answer) => {
    const pieces = blobs.get(request.url?.split('/').at(-1) ?? '')
    answer.setHeader('docker-content-digest', digestOf(manifest))
    answer.setHeader('content-type', 'application/vnd.oci.image.manifest.v1+json')
    answer.setHeader('content-length', pieces?.reduce((sum, { length }) => sum + length, 0) ?? 0)
    answer.statusCode = pieces === undefined ? 404 : 200
    if (request.method === 'GET') await send(answer, pieces ?? [])
    answer.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    reference: `127.0.0.1:${port}/generated:it`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function send(answer: ServerResponse, pieces: readonly Uint8Array[]): Promise<void> {
  const gone = new AbortController()
  answer.once('close', () => gone.abort())
  for (const piece of pieces) {
    if (gone.signal.aborted) return
    if (!answer.write(piece)) await once(answer, 'drain', gone).catch(() => {})
  }
}

function bytesOfJson(document: object): Buffer {
  return Buffer.from(JSON.stringify(document))
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
