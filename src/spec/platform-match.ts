import { normalizePlatform, type Platform, type PlatformMatcher } from './platform.ts'
import { runsWindowsVersion } from './windows-version.ts'

/**
 * Matches what a machine of this platform runs, best first: lower ARM variants, lower amd64 levels, 386 on amd64,
 * 32-bit ARM on arm64.
 *
 * Source: containerd/platforms, `Only`.
 */
export function only(platform: Platform): PlatformMatcher {
  return ordered(runnable(normalizePlatform(platform)))
}

/** Matches this platform alone, in any of its spellings. */
export function onlyStrict(platform: Platform): PlatformMatcher {
  return ordered([normalizePlatform(platform)])
}

/** Matches each of these platforms alone, without a preference among them. */
export function anyOf(...platforms: readonly Platform[]): PlatformMatcher {
  const wanted = platforms.map(normalizePlatform)
  const rank = (candidate: Platform) => (wanted.some(one => accepts(one, candidate)) ? 0 : wanted.length)
  return matcherBy(rank, wanted.length)
}

/** Matches everything, and leaves every order as it is. */
export const anyPlatform: PlatformMatcher = { match: () => true, compare: () => 0 }

/** Matches any of these normalised platforms, earlier ones better. */
function ordered(wanted: readonly Platform[]): PlatformMatcher {
  const rank = (candidate: Platform) => {
    const at = wanted.findIndex(one => accepts(one, candidate))
    return at === -1 ? wanted.length : at
  }
  return matcherBy(rank, wanted.length)
}

/** `rank` counts from 0, the best; `unmatched` is the rank of what doesn't match. */
function matcherBy(rank: (candidate: Platform) => number, unmatched: number): PlatformMatcher {
  const compare = (a: Platform, b: Platform): number => {
    const [rankA, rankB] = [rank(a), rank(b)]
    if (rankA !== rankB) return rankA - rankB
    if (rankA !== unmatched) return featureCount(b) - featureCount(a)
    if (featureCount(a) + featureCount(b) === 0) return 0
    return compare(withoutFeatures(a), withoutFeatures(b))
  }
  return { match: candidate => rank(candidate) < unmatched, compare }
}

/** True when `wanted`, normalised, can run `candidate` without any lowering. */
function accepts(wanted: Platform, candidate: Platform): boolean {
  const { os, architecture, variant, osVersion = '', osFeatures = [] } = normalizePlatform(candidate)
  if (os !== wanted.os || architecture !== wanted.architecture || variant !== wanted.variant) return false
  const isWindows = os === 'windows'
  if (isWindows && !runsWindowsVersion(wanted.osVersion ?? '', osVersion)) return false
  // Every Windows machine has had win32k, whether it says so or not.
  return osFeatures.every(feature => wanted.osFeatures?.includes(feature) || (isWindows && feature === 'win32k'))
}

function featureCount({ osFeatures }: Platform): number {
  return new Set(osFeatures).size
}

function withoutFeatures({ osFeatures, ...rest }: Platform): Platform {
  return rest
}

/** What a machine of this normalised platform runs, best first. */
function runnable(platform: Platform): readonly Platform[] {
  const { variant, ...rest } = platform
  const as = (architecture: string, variants: readonly string[]) =>
    variants.map(lower => normalizePlatform({ ...rest, architecture, variant: lower }))
  switch (platform.architecture) {
    case 'amd64':
      return [platform, ...as('amd64', lowerVersions(variant, 1)), ...as('386', [''])]
    case 'arm':
      return [platform, ...as('arm', lowerVersions(variant, 5))]
    case 'arm64':
      return [platform, ...as('arm64', lowerArm64(variant ?? 'v8')), ...as('arm', ['v8', 'v7', 'v6', 'v5'])]
  }
  return [platform]
}

/** `v7` and 5 give v6, v5. */
function lowerVersions(variant: string | undefined, lowest: number): readonly string[] {
  const version = Number(/^v(\d)$/.exec(variant ?? '')?.[1] ?? lowest)
  return Array.from({ length: Math.max(version - lowest, 0) }, (_, below) => `v${version - 1 - below}`)
}

/** Armv9.n has all of Armv8.(n+5), of which there are ten. */
function lowerArm64(variant: string): readonly string[] {
  const [, major, minor = '0'] = /^v([89])(?:\.(\d))?$/.exec(variant) ?? []
  if (major === undefined) return []
  const lower = minors(major, Number(minor) - 1)
  return major === '8' ? lower : [...lower, ...minors('8', Math.min(Number(minor) + 5, 9))]
}

/** From `v8.top` down to `v8`. */
function minors(major: string, top: number): readonly string[] {
  return Array.from({ length: top + 1 }, (_, below) => (below === top ? `v${major}` : `v${major}.${top - below}`))
}
