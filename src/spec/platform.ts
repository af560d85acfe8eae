export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly osVersion?: string
  readonly osFeatures?: readonly string[]
}

/** Which platforms will do, and which of two is better. */
export interface PlatformMatcher {
  match(platform: Platform): boolean
  /** Negative when `a` is the better match: sorts best first, stable for equals. */
  compare(a: Platform, b: Platform): number
}

/** Characters that would be read as syntax. */
const escaped = /[%+()/]/g

/**
 * `os[(version+feature…)]/architecture[/variant]`: all that a platform says, features sorted and each once.
 *
 * Source: containerd/platforms, `FormatAll`.
 */
export function formatPlatform({ os, architecture, variant, osVersion, osFeatures }: Platform): string {
  if (os === '') return 'unknown'
  const features = [...new Set(osFeatures)].filter(feature => feature !== '').sort()
  const options = [osVersion ?? '', ...features].map(escapeOption).join('+')
  const parts = [options === '' ? os : `${os}(${options})`, architecture, variant ?? '']
  return parts.filter(part => part !== '').join('/')
}

/**
 * The one spelling of a platform: lower case, Go's names, and no variant where it is the architecture's usual one.
 *
 * Shape:  32-bit ARM always has a variant, `v7` unless it says otherwise.
 * Source: containerd/platforms, `Normalize`.
 */
export function normalizePlatform({ os, architecture, variant = '', osVersion, osFeatures }: Platform): Platform {
  const [arch, normalVariant] = normalizeArchitecture(architecture.toLowerCase(), variant.toLowerCase())
  return {
    os: normalizeOs(os),
    architecture: arch,
    ...(normalVariant !== '' && { variant: normalVariant }),
    ...(osVersion && { osVersion }),
    ...(osFeatures && osFeatures.length > 0 && { osFeatures: [...new Set(osFeatures)].sort() }),
  }
}

export function normalizeOs(os: string): string {
  const lower = os.toLowerCase()
  return lower === 'macos' ? 'darwin' : lower
}

function normalizeArchitecture(architecture: string, variant: string): [architecture: string, variant: string] {
  switch (architecture) {
    case 'i386':
      return ['386', '']
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return ['amd64', variant === 'v1' ? '' : variant]
    case 'aarch64':
    case 'arm64':
      return ['arm64', arm64Variants[variant] ?? variant]
    case 'armhf':
      return ['arm', 'v7']
    case 'armel':
      return ['arm', 'v6']
    case 'arm':
      return ['arm', armVariants[variant] ?? variant]
  }
  return [architecture, variant]
}

const arm64Variants: Readonly<Record<string, string>> = {
  '8': '',
  v8: '',
  'v8.0': '',
  '9': 'v9',
  '9.0': 'v9',
  'v9.0': 'v9',
}

const armVariants: Readonly<Record<string, string>> = { '': 'v7', '5': 'v5', '6': 'v6', '7': 'v7', '8': 'v8' }

function escapeOption(text: string): string {
  return text.replace(escaped, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
