import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { command } from '../support/command.ts'

/** By then what was logged has come through the pipe. */
const LOG_DELAY_MS = 200

/** Debian's docker-registry (distribution), on a loopback port of its own. */
export interface RealRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** Copies `source`, in skopeo's notation, to `repository:tag`. */
  push(source: string, name: string, ...flags: readonly string[]): void
  /** Requests since the last call, as its log tells them: `GET /v2/…`. */
  requests(): Promise<readonly string[]>
  stop(): Promise<void>
}

export interface RegistryOptions {
  /** Default 127.0.0.1. */
  readonly address?: string
  /** What runs it somewhere else: `ip netns exec NAME`. */
  readonly inside?: readonly string[]
  /** Section of the configuration, in YAML on one line. */
  readonly auth?: string
  /** Takes manifests of schema 1, and makes them of others for clients that take nothing newer. */
  readonly schema1?: boolean
}

/** Registries on one directory have the same content. */
export async function startDockerRegistry(
  directory: string,
  { address = '127.0.0.1', inside = [], auth, schema1 }: RegistryOptions = {},
): Promise<RealRegistry> {
  const host = `${address}:${await freePort()}`
  mkdirSync(directory, { recursive: true })
  const config = join(directory, `${host}.yml`)
  const storage = `{filesystem: {rootdirectory: ${join(directory, 'data')}}}`
  writeFileSync(
    config,
    `version: 0.1\nlog: {level: info, formatter: json}\nstorage: ${storage}\nhttp: {addr: "${host}"}\n${auth === undefined ? '' : `auth: ${auth}\n`}${schema1 ? 'compatibility: {schema1: {enabled: true}}\n' : ''}`,
  )
  const [file = '', ...words] = [...inside, 'docker-registry', 'serve', config]
  const server = spawn(file, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const lines: string[] = []
  collectRequests(server, lines)
  await untilListening(server)
  return {
    host,
    push(source, name, ...flags) {
      command('skopeo', 'copy', '--quiet', '--dest-tls-verify=false', ...flags, source, `docker://${host}/${name}`)
    },
    async requests() {
      await sleep(LOG_DELAY_MS)
      return lines.splice(0)
    },
    async stop() {
      server.kill()
      await once(server, 'exit')
    },
  }
}

function collectRequests(server: ChildProcess, lines: string[]): void {
  for (const stream of [server.stdout, server.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      for (const [, method, path] of text.matchAll(/"([A-Z]+) (\/v2\/[^ "]+) HTTP/g)) lines.push(`${method} ${path}`)
    })
  }
}

/** A port of this machine that nobody has. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Waits until `url` answers, whatever it says. */
export async function untilUp(url: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await fetch(url).catch(() => undefined)) !== undefined) return
    await sleep(100)
  }
  throw new Error(`${url} doesn't answer`)
}

/** It says so in its log; elsewhere it couldn't be asked. */
function untilListening(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('exit', status => reject(new Error(`docker-registry ended with ${status}`)))
    for (const stream of [server.stdout, server.stderr]) {
      stream?.on('data', (text: string) => {
        if (text.includes('listening on')) resolve()
      })
    }
  })
}
