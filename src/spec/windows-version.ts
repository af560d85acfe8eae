/**
 * Which Windows can run a container of which other.
 *
 * Source: Microsoft, "Windows container version compatibility"; containerd/platforms.
 */

interface Version {
  readonly major: number
  readonly minor: number
  readonly build: number
}

/** Builds of the long-term releases since the kernel's interface is stable, oldest first: Server 2022 and 2025. */
const longTermBuilds: readonly [number, ...number[]] = [20348, 26100]

/**
 * True when a host of version `host` runs an image made for `image`; an empty version says nothing and fits all.
 *
 * Before Server 2022 the builds must be equal. Since then a host runs images from the long-term release before it up to
 * its own build.
 */
export function runsWindowsVersion(host: string, image: string): boolean {
  const own = parseVersion(host)
  if (own === undefined || image === '') return true
  const other = parseVersion(image)
  if (other === undefined || own.major !== other.major || own.minor !== other.minor) return false
  const [first] = longTermBuilds
  if (own.build < first) return own.build === other.build
  const oldest = longTermBuilds.findLast(build => build < own.build) ?? first
  return oldest <= other.build && other.build <= own.build
}

/** `major.minor.build[.revision]`; undefined for anything else, and for all zeros. */
function parseVersion(text: string): Version | undefined {
  const [major, minor, build] = (/^(\d{1,3})\.(\d{1,3})\.(\d{1,5})(?:\..*)?$/.exec(text) ?? []).slice(1).map(Number)
  if (major === undefined || minor === undefined || build === undefined) return undefined
  return major + minor + build === 0 ? undefined : { major, minor, build }
}
