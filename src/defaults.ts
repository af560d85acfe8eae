import { join } from 'node:path'

/** Where davit keeps things and what it may use. Everything has been decided here; nothing below reads the environment. */
export interface Settings {
  /** Store directory (design: ROOT). */
  readonly root: string
  /**
   * Docker's `config.json` and podman's `auth.json`: credentials and their helpers. The first that has some counts;
   * `login` writes to the first.
   */
  readonly authFiles: readonly string[]
  /** Default: erofs or overlayfs where the machine can, else native. `none`: blobs only. */
  readonly snapshotter?: string
  /**
   * `full` (the default): what a call that returned has stored survives a power cut. `process`: it survives every crash of
   * a process and no power cut; for machines that are thrown away.
   */
  readonly durability?: 'full' | 'process'
  /** Speak plain HTTP with every registry, not only with loopback ones. */
  readonly plainHttp?: boolean
  /** Directories that describe hosts, as containerd's and Docker's `certs.d` do; they need not exist. */
  readonly hostsDirs?: readonly string[]
  /** `host[:port]`: trusted with the credentials of registries that name it as their realm, and with private addresses. */
  readonly allowHosts?: readonly string[]
  /** Connections that carry layers at a time, to one registry and in all. Default 8 and 16. */
  readonly maxConnections?: number
  /** Whether another host may answer for the first. Default true. */
  readonly fallback?: boolean
  /** URLs of the proxies for plain HTTP and for TLS, and the hosts that are reached without. */
  readonly proxies?: { readonly http?: string; readonly https?: string; readonly none?: string }
  /** Where the CAs of this machine may be, as PEM; the first file that there is counts, beside the built-in ones. */
  readonly caFiles?: readonly string[]
  /** Refuse to write files that would lack something which the image has; the default is to say what. */
  readonly strict?: boolean
  /** Credentials for the reference's own registry, before any config file. */
  readonly credentials?: { readonly username: string; readonly password: string }
}

/** Of Debian and Alpine, Fedora and openSUSE, as Go looks for them. */
const systemCaFiles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Settings as the environment says: `DAVIT_ROOT`, `DOCKER_CONFIG`, `REGISTRY_AUTH_FILE`, `SSL_CERT_FILE`, `HOME`,
 * `XDG_CONFIG_HOME`, `XDG_DATA_HOME`, `XDG_RUNTIME_DIR`; `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, also in lower case.
 * Empty is unset: an empty path would be the current directory.
 *
 * `uid`: of the process; root keeps its store in /var/lib/davit, others under their data home.
 */
export function defaults(env: Environment = process.env, uid = process.getuid?.() ?? 0): Settings {
  const home = env['HOME'] || '/'
  const dataHome = env['XDG_DATA_HOME'] || join(home, '.local', 'share')
  return {
    root: env['DAVIT_ROOT'] || (uid === 0 ? '/var/lib/davit' : join(dataHome, 'davit')),
    authFiles: authFiles(env, home, uid),
    hostsDirs: ['/etc/containerd/certs.d', '/etc/docker/certs.d'],
    caFiles: env['SSL_CERT_FILE'] ? [env['SSL_CERT_FILE']] : systemCaFiles,
    ...proxiesIn(env),
  }
}

/** Docker's file, then those of podman and skopeo; whoever names one of theirs means it before all. */
function authFiles(env: Environment, home: string, uid: number): readonly string[] {
  const named = env['REGISTRY_AUTH_FILE']
  const runtime = env['XDG_RUNTIME_DIR']
  return [
    ...(named ? [named] : []),
    join(env['DOCKER_CONFIG'] || join(home, '.docker'), 'config.json'),
    runtime ? join(runtime, 'containers', 'auth.json') : `/run/containers/${uid}/auth.json`,
    join(env['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json'),
  ]
}

function proxiesIn(env: Environment): Pick<Settings, 'proxies'> {
  const [http, https, none] = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'].map(
    name => env[name] || env[name.toLowerCase()] || undefined,
  )
  if (http === undefined && https === undefined) return {}
  return { proxies: { ...(http && { http }), ...(https && { https }), ...(none && { none }) } }
}
