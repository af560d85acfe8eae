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
