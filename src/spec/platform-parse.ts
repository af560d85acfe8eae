import { ImageError } from '../errors.ts'
import { normalizeOs, normalizePlatform, type Platform } from './platform.ts'
import { present } from './present.ts'

const systemPattern = /^([A-Za-z0-9_-]+)(?:\(([\w.%-]*)((?:\+[\w.%-]+)*)\))?$/
const partPattern = /^[\w.-]+$/

/** Go's lists of operating systems and architectures (`go/build/syslist.go`). */
const systems: ReadonlySet<string> = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'.split(
    ' ',
  ),
)
const architectures: ReadonlySet<string> = new Set(
  (
    '386 amd64 amd64p32 arm armbe arm64 arm64be loong64 mips mipsle mips64 mips64le mips64p32 mips64p32le ' +
    'ppc ppc64 ppc64le riscv riscv64 s390 s390x sparc sparc64 wasm'
  ).split(' '),
)

/**
 * The platform that a person means by `text`: `linux/arm64`, `linux/arm/v7`, `arm64`, `windows(10.0.20348+feature)/amd64`.
 *
 * Shape:  a single word is an operating system if it is a known one, else a known architecture; `host` tells the other
 *         half. In parentheses the version, then features, with `%XX` for characters of the syntax.
 * Errors: INVALID_ARGUMENT.
 * Source: containerd/platforms, `Parse`.
 */
export function parsePlatform(text: string, host?: Platform): Platform {
  if (text.includes('*')) throw invalid(text, 'wildcards are not supported')
  const [system = '', architecture, variant, ...rest] = text.split('/')
  if (rest.length > 0) throw invalid(text, 'it has more than three parts')
  const bad = [architecture, variant].find(part => part !== undefined && !partPattern.test(part))
  if (bad !== undefined) throw invalid(text, `${JSON.stringify(bad.slice(0, 100))} is not an architecture or variant`)
  const options = parseSystem(text, system)
  if (architecture === undefined) return completed(text, system, options, host)
  const { variant: normal, ...names } = normalizePlatform({ os: options.os, architecture, variant: variant ?? '' })
  return present({ ...names, ...options, variant: spokenVariant(names.architecture, normal, variant) })
}

type System = Pick<Platform, 'os' | 'osVersion' | 'osFeatures'>

/** The platform of a single word, the other half of it the host's. */
function completed(text: string, word: string, system: System, host: Platform | undefined): Platform {
  const { architecture, variant } = normalizePlatform({ os: '', architecture: word })
  const isSystem = systems.has(system.os)
  if (!isSystem && !architectures.has(architecture))
    throw invalid(text, 'neither an operating system nor an architecture')
  if (host === undefined) throw invalid(text, 'it names only half of a platform')
  if (!isSystem) return present({ os: host.os, architecture, variant: spokenVariant(architecture, variant, undefined) })
  const { architecture: own, variant: ownVariant } = host
  return present({
    ...system,
    architecture: own,
    variant: own === 'arm' && ownVariant !== 'v7' ? ownVariant : undefined,
  })
}

/** The usual variants, `arm/v7` and `arm64/v8`, are kept only where they were said. */
function spokenVariant(architecture: string, normal: string | undefined, said: string | undefined): string | undefined {
  if (architecture === 'arm64' && normal === undefined && said !== undefined) return 'v8'
  if (architecture === 'arm' && normal === 'v7' && said === undefined) return undefined
  return normal
}

function parseSystem(text: string, system: string): System {
  const [whole, os = '', version = '', features = ''] = systemPattern.exec(system) ?? []
  if (whole === undefined) throw invalid(text, `${JSON.stringify(system.slice(0, 100))} is not an operating system`)
  const names = features.split('+').map(feature => unescapeOption(text, feature))
  const osFeatures = names.filter(feature => feature !== '')
  return {
    os: normalizeOs(os),
    ...(version !== '' && { osVersion: unescapeOption(text, version) }),
    ...(osFeatures.length > 0 && { osFeatures }),
  }
}

function unescapeOption(text: string, option: string): string {
  try {
    return decodeURIComponent(option)
  } catch {
    throw invalid(text, `${JSON.stringify(option)} has a broken escape`)
  }
}

function invalid(text: string, found: string): ImageError<'INVALID_ARGUMENT'> {
  const value = text.slice(0, 200)
  return new ImageError(
    'INVALID_ARGUMENT',
    `Cannot read platform ${JSON.stringify(value)}: ${found}`,
    { argument: 'platform', value },
    { hint: 'a platform is OS/ARCHITECTURE[/VARIANT], for example linux/arm64' },
  )
}
