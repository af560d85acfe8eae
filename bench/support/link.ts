import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** docker-registry with an image of one layer, and nginx before it that gives each connection so much and no more. */
export interface Link {
  readonly shaped: string
  readonly unshaped: string
  /** Digest and length of the layer: a tar of random bytes. */
  readonly layer: string
  readonly bytes: number
  stop(): Promise<void>
}

const name = 'bench/layer'
const registryPort = 5917
const nginxPort = 5918

export async function startLink(
  directory: string,
  { mebibytes, rate }: { readonly mebibytes: number; readonly rate: string },
): Promise<Link> {
  const storage = `${directory}/storage/docker/registry/v2`
  const layer = putLayer(storage, mebibytes)
  const platform = { os: 'linux', architecture: process.arch === 'x64' ? 'amd64' : process.arch }
  const config = putDocument(storage, { ...platform, config: {}, rootfs: { type: 'layers', diff_ids: [layer.digest] } })
  const oci = 'application/vnd.oci.image'
  const manifest = putDocument(storage, {
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: { mediaType: `${oci}.config.v1+json`, ...config },
    layers: [{ mediaType: `${oci}.layer.v1.tar`, ...layer }],
  })
  const repository = `${storage}/repositories/${name}`
  for (const { digest } of [config, layer]) put(`${repository}/_layers/${linkTo(digest)}`, digest)
  put(`${repository}/_manifests/revisions/${linkTo(manifest.digest)}`, manifest.digest)
  put(`${repository}/_manifests/tags/latest/current/link`, manifest.digest)
  put(`${repository}/_manifests/tags/latest/index/${linkTo(manifest.digest)}`, manifest.digest)

  const registry = `127.0.0.1:${registryPort}`
  put(
    `${directory}/registry.yml`,
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${directory}/storage}}\nhttp: {addr: "${registry}"}\n`,
  )
  put(
    `${directory}/nginx.conf`,
    `daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/nginx.log;\n` +
      `events { worker_connections 512; }\nhttp { access_log off; server { listen 127.0.0.1:${nginxPort};\n` +
      `location / { proxy_pass http://${registry}; proxy_http_version 1.1; proxy_buffering on;\n` +
      `proxy_max_temp_file_size 0; proxy_set_header Host $http_host; limit_rate ${rate}; } } }\n`,
  )
  const servers = [
    spawn('docker-registry', ['serve', `${directory}/registry.yml`], { stdio: 'ignore' }),
    spawn('nginx', ['-c', `${directory}/nginx.conf`], { stdio: 'ignore' }),
  ]
  await untilUp(nginxPort)
  return {
    shaped: `127.0.0.1:${nginxPort}/${name}:latest`,
    unshaped: `${registry}/${name}:latest`,
    layer: layer.digest,
    bytes: layer.size,
    stop: async () => void (await Promise.all(servers.map(end))),
  }
}

interface Stored {
  readonly digest: string
  readonly size: number
}

/** A tar with one file, so that whoever wants to unpack it can. */
function putLayer(storage: string, mebibytes: number): Stored {
  const noise = randomBytes(1 << 20)
  const header = Buffer.alloc(512)
  header.write('noise', 0)
  header.write('0000644\0' + '0000000\0' + '0000000\0', 100)
  header.write(`${(mebibytes * 2 ** 20).toString(8).padStart(11, '0')}\0`, 124)
  header.write('00000000000\0        0', 136)
  header.write('ustar\x0000', 257)
  header.write(
    `${header
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  )
  const pieces = function* () {
    yield header
    // Each mebibyte is another one: nothing on the way may find them alike.
    for (let at = 0; at < mebibytes; at++) {
      noise.writeUInt32LE(at)
      yield noise
    }
    yield Buffer.alloc(1024)
  }
  const hash = createHash('sha256')
  for (const piece of pieces()) hash.update(piece)
  const digest = `sha256:${hash.digest('hex')}`
  const path = blobPath(storage, digest)
  mkdirSync(dirname(path), { recursive: true })
  const fd = openSync(path, 'w')
  for (const piece of pieces()) writeSync(fd, piece)
  closeSync(fd)
  return { digest, size: mebibytes * 2 ** 20 + 1536 }
}

function putDocument(storage: string, document: object): Stored {
  const text = JSON.stringify(document)
  const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`
  put(blobPath(storage, digest), text)
  return { digest, size: Buffer.byteLength(text) }
}

function blobPath(storage: string, digest: string): string {
  const [algorithm, hex = ''] = digest.split(':')
  return `${storage}/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}/data`
}

function linkTo(digest: string): string {
  return `${digest.replace(':', '/')}/link`
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

async function untilUp(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined))?.ok === true) return
    await sleep(100)
  }
  throw new Error(`nothing answers at port ${port}`)
}

async function end(server: ChildProcess): Promise<void> {
  server.kill()
  if (server.exitCode === null) await once(server, 'exit')
}
