import { posix } from 'node:path'
import type { ImageConfig, RunConfig } from '../spec/config.ts'
import { annotationsOf } from './annotations.ts'
import { type IdMap, mappedUser } from './id-map.ts'
import { hidden, privileges, type RuntimeMount, systemMounts } from './surroundings.ts'
import type { ProcessUser } from './user.ts'

export interface RuntimeOptions {
  /** Where the root file system is, from the bundle. */
  readonly rootPath: string
  /** For an ordinary user: a user namespace with these ids, the machine's network, no limits on devices. */
  readonly ids?: IdMap
  /** Give the process a terminal. Default false. */
  readonly tty?: boolean
}

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** The least that all of it is in. */
const ociVersion = '1.0.0'

/**
 * The `config.json` of an OCI bundle, made of an image's config: command, environment, user, working directory,
 * labels, stop signal, ports and volumes by the rules of the specification; the rest as runc's `spec` has it.
 *
 * Errors: UNSUPPORTED: the user has no place in `ids`.
 * Source: OCI image-spec v1.1, "Conversion to OCI Runtime Configuration"; runtime-spec v1.0, "Configuration".
 */
export function runtimeConfig(image: ImageConfig, user: ProcessUser, options: RuntimeOptions): object {
  const { rootPath, ids, tty: terminal = false } = options
  const { config } = image
  const { uid, gid, additionalGids } = ids === undefined ? user : mappedUser(user, ids)
  const rootless = ids !== undefined
  return {
    ociVersion,
    process: {
      terminal,
      user: { uid, gid, ...(additionalGids.length === 0 ? {} : { additionalGids }) },
      args: argsOf(config),
      env: environmentOf(config, { home: user.home, terminal }),
      cwd: posix.resolve('/', config.workingDir ?? ''),
      ...privileges,
    },
    root: { path: rootPath },
    hostname: 'davit',
    mounts: [...systemMounts({ rootless }), ...volumesOf(config)],
    annotations: annotationsOf(image),
    linux: {
      ...(rootless ? ids : { resources: { devices: [{ allow: false, access: 'rwm' }] } }),
      namespaces: namespaces(rootless).map(type => ({ type })),
      ...hidden,
    },
  }
}

/** An image that names no command is entered by a shell, as runc's `spec` has it. */
function argsOf({ entrypoint = [], cmd = [] }: RunConfig): readonly string[] {
  const args = [...entrypoint, ...cmd]
  return args.length === 0 ? ['sh'] : args
}

/** The image's own, and what programs need to know unless it says. */
function environmentOf(
  { env = [] }: RunConfig,
  { home, terminal }: { readonly home: string | undefined; readonly terminal: boolean },
): readonly string[] {
  const given = new Set(env.map(nameOf))
  const added = [defaultPath, ...(terminal ? ['TERM=xterm'] : []), ...(home === undefined ? [] : [`HOME=${home}`])]
  return [...added.filter(entry => !given.has(nameOf(entry))), ...env]
}

function nameOf(entry: string): string {
  return entry.split('=', 1)[0] ?? ''
}

/** In memory, beginning with what the image has there. Parents before what is in them. */
function volumesOf({ volumes = [] }: RunConfig): readonly RuntimeMount[] {
  const places = new Set(volumes.map(path => posix.resolve('/', path)))
  places.delete('/')
  return [...places].toSorted().map(destination => ({
    destination,
    type: 'tmpfs',
    source: 'none',
    options: ['rw', 'nosuid', 'nodev', 'noexec', 'relatime', 'tmpcopyup'],
  }))
}

/** An ordinary user's network namespace would be empty, and nobody there to connect it. */
function namespaces(rootless: boolean): readonly string[] {
  return ['pid', ...(rootless ? ['user'] : ['network']), 'ipc', 'uts', 'mount', 'cgroup']
}
