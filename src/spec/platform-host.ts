import { normalizePlatform, type Platform } from './platform.ts'

/** What a machine says of itself. */
export interface HostFacts {
  /** Node's `process.platform`. */
  readonly os: string
  /** Node's `process.arch`. */
  readonly architecture: string
  /** Text of /proc/cpuinfo. */
  readonly cpuinfo?: string
  /** The kernel's name of the machine, `uname -m`. */
  readonly machine?: string
}

/** Node's names where they differ from Go's. Node runs on little-endian POWER only, AIX aside. */
const goNames: Readonly<Record<string, string>> = {
  win32: 'windows',
  sunos: 'solaris',
  x64: 'amd64',
  ia32: '386',
  ppc64: 'ppc64le',
  mipsel: 'mipsle',
}

/**
 * The platform of a machine, normalised. Levels of amd64 and of 64-bit ARM are not looked for: images that need one are
 * asked for by name.
 *
 * Source: containerd/platforms, `DefaultSpec`.
 */
export function hostPlatform({ os, architecture, cpuinfo = '', machine = '' }: HostFacts): Platform {
  return normalizePlatform({
    os: goNames[os] ?? os,
    architecture: goNames[architecture] ?? architecture,
    variant: architecture === 'arm' ? armVariant(cpuinfo, machine) : '',
  })
}

/** Empty when nothing tells. Where cpuinfo is silent, as under emulation, the kernel's name of the machine speaks. */
function armVariant(cpuinfo: string, machine: string): string {
  const told = cpuField(cpuinfo, 'cpu architecture') ?? machine.toLowerCase()
  if (told === 'aarch64') return 'v8'
  // The Raspberry Pi 1 and Zero say 7 there, and the truth in the model's name.
  if (told === '7' && cpuField(cpuinfo, 'model name')?.startsWith('armv6-compatible')) return 'v6'
  const [, version] = /^(?:armv)?([3-8])(?!\d)/.exec(told) ?? []
  return version === undefined ? '' : `v${version}`
}

/** The first processor's field, in lower case. */
function cpuField(cpuinfo: string, name: string): string | undefined {
  for (const line of cpuinfo.split('\n')) {
    const [key = '', value] = line.toLowerCase().split(':')
    if (key.trim() === name && value !== undefined) return value.trim()
  }
  return undefined
}
