import type { Flags } from './command.ts'

/** Flags that every command takes, before or after its name. */
export const globalFlags = {
  root: { value: 'DIR', summary: 'Where davit keeps everything (default: $DAVIT_ROOT, else the data directory)' },
  debug: { summary: 'Print the stack of an error' },
} as const satisfies Flags

export const jsonFlag = { json: { summary: 'Print the result as JSON' } } as const satisfies Flags

export const platformFlag = {
  platform: { value: 'OS/ARCH[/VARIANT]', summary: 'Platform of the image (default: this machine’s)' },
} as const satisfies Flags

/** For commands that take an image for several platforms. */
export const platformsFlag = {
  platform: {
    ...platformFlag.platform,
    summary: 'Platform of the image, or all (default: this machine’s)',
    many: true,
  },
} as const satisfies Flags

/** How hosts are reached. */
export const hostFlags = {
  plainHttp: { summary: 'Speak plain HTTP with registries that aren’t on loopback, too' },
  hostsDir: {
    value: 'DIR',
    summary:
      'Where mirrors and certificates are described (default: /etc/containerd/certs.d, then /etc/docker/certs.d)',
  },
  allowHost: {
    value: 'HOST[:PORT]',
    summary: 'Trust it as a token server, redirect or foreign URL, also at a private address',
    many: true,
  },
} as const satisfies Flags

/** For commands that ask a registry. */
export const registryFlags = {
  ...hostFlags,
  noFallback: { summary: 'Ask only the first host, not the next one when it fails' },
  username: { value: 'NAME', summary: 'User name for the reference’s own registry' },
  passwordStdin: { summary: 'Read the password for it from stdin' },
} as const satisfies Flags

export const snapshotterFlag = {
  snapshotter: {
    value: 'NAME',
    choices: ['erofs', 'overlayfs', 'native', 'none'],
    summary: 'What turns layers into a root file system (default: the best this machine can)',
  },
} as const satisfies Flags

/** For commands that write an image's files. */
export const strictFlag = {
  strict: { summary: 'Fail where owners, attributes, devices or a barrier would be missing, instead of saying so' },
} as const satisfies Flags

export const lockTimeoutFlag = {
  lockTimeout: { value: 'SECONDS', summary: 'How long to wait for other processes (default: for ever)' },
} as const satisfies Flags

/** For commands that pull. */
export const pullFlags = {
  ...registryFlags,
  maxConnections: {
    value: 'N',
    summary: 'Connections that carry layers at a time (default: 8 to one registry, 16 in all)',
  },
  progress: {
    value: 'HOW',
    choices: ['auto', 'tty', 'plain', 'json', 'quiet'],
    summary: 'How to show what happens, on stderr (default: auto)',
  },
  ...lockTimeoutFlag,
  noSchema1: { summary: 'Refuse manifests of schema version 1 instead of converting them' },
  quota: {
    value: 'NAME=NUMBER',
    summary:
      'What an image may come to: layer-bytes, image-bytes, layer-entries, image-entries, ratio, depth (256G, 512G, 4M, 8M, 1000, 1024)',
    many: true,
  },
} as const satisfies Flags
