import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, untilUp } from './docker-registry.ts'

/** Debian's nginx, before a registry. */
export interface Nginx {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** Requests for content since the last call: `GET /v2/… HIT`. */
  requests(): readonly string[]
  stop(): Promise<void>
}

export interface NginxOptions {
  /** `host:port` of the registry. */
  readonly registry: string
  /** PEM; TLS is spoken when they are there. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly clientCa?: string }
  /** Keeps what it has served. */
  readonly cache?: boolean
}

export async function startNginx(directory: string, { registry, tls, cache }: NginxOptions): Promise<Nginx> {
  mkdirSync(directory, { recursive: true })
  const at = (name: string) => join(directory, name)
  const write = (name: string, text: string) => {
    writeFileSync(at(name), text)
    return at(name)
  }
  const host = `127.0.0.1:${await freePort()}`
  const log = at('access.log')
  const secure =
    tls === undefined
      ? []
      : [
          `ssl_certificate ${write('server.pem', tls.cert)};`,
          `ssl_certificate_key ${write('server.key', tls.key)};`,
          ...(tls.clientCa === undefined
            ? []
            : [`ssl_client_certificate ${write('client-ca.pem', tls.clientCa)};`, 'ssl_verify_client on;']),
        ]
  const caching = cache ? ['proxy_cache content;', 'proxy_cache_valid 200 1h;', 'proxy_cache_methods GET;'] : []
  const config = `
    daemon off; master_process off; pid ${at('pid')}; error_log ${at('error.log')};
    events {}
    http {
      log_format content '$request_method $uri$is_args$args $upstream_cache_status';
      access_log ${log} content;
      client_body_temp_path ${at('body')}; proxy_temp_path ${at('proxy')}; fastcgi_temp_path ${at('fastcgi')};
      uwsgi_temp_path ${at('uwsgi')}; scgi_temp_path ${at('scgi')};
      proxy_cache_path ${at('cache')} keys_zone=content:1m;
      server {
        listen ${host}${tls === undefined ? '' : ' ssl'};
        ${secure.join(' ')}
        location / { proxy_pass http://${registry}; proxy_set_header Host $http_host; ${caching.join(' ')} }
      }
    }`
  const server = spawn('nginx', ['-p', directory, '-c', write('nginx.conf', config), '-e', at('error.log')], {
    stdio: 'ignore',
  })
  await untilUp(`http://${host}/`)
  let seen = 0
  return {
    host,
    requests() {
      const lines = existsSync(log)
        ? readFileSync(log, 'utf8')
            .split('\n')
            .filter(line => line.includes(' /v2/'))
        : []
      const fresh = lines.slice(seen)
      seen = lines.length
      return fresh
    },
    async stop() {
      if (server.exitCode !== null) return
      server.kill('SIGQUIT')
      await once(server, 'exit')
    },
  }
}
