import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatPlatform, type PlatformMatcher } from '../../src/spec/platform.ts'
import { anyOf, anyPlatform, only, onlyStrict } from '../../src/spec/platform-match.ts'
import { parsePlatform } from '../../src/spec/platform-parse.ts'

/** Every platform of the tables below, in no order of preference. */
const catalogue = [
  'linux/386',
  'linux/amd64',
  'linux/amd64/v1',
  'linux/amd64/v2',
  'linux/amd64/v3',
  'linux/amd64/v4',
  'linux/arm',
  'linux/arm/v4',
  'linux/arm/v5',
  'linux/arm/v6',
  'linux/arm/v7',
  'linux/arm/v8',
  'linux/arm/v9',
  'linux/arm64',
  'linux/arm64/v8',
  'linux/arm64/v8.1',
  'linux/arm64/v8.5',
  'linux/arm64/v8.6',
  'linux/arm64/v8.9',
  'linux/arm64/v9',
  'linux/arm64/v9.0',
  'linux/arm64/v9.1',
  'linux/arm64/v9.7',
  'linux/s390x',
  'linux/riscv64',
  'darwin/arm64',
  'windows/amd64',
  'windows/arm',
  'unknown/unknown',
]

const arm = (highest: number) =>
  [9, 8, 7, 6, 5]
    .filter(version => version <= highest)
    .flatMap(version => (version === 7 ? ['linux/arm', 'linux/arm/v7'] : [`linux/arm/v${version}`]))
const v8 = ['linux/arm64', 'linux/arm64/v8']

/** What a host runs of the catalogue, best first; spellings of one platform side by side. */
const runs: Readonly<Record<string, readonly string[]>> = {
  'linux/386': ['linux/386'],
  'linux/amd64': ['linux/amd64', 'linux/amd64/v1', 'linux/386'],
  'linux/amd64/v1': ['linux/amd64', 'linux/amd64/v1', 'linux/386'],
  'linux/amd64/v2': ['linux/amd64/v2', 'linux/amd64', 'linux/amd64/v1', 'linux/386'],
  'linux/amd64/v3': ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64', 'linux/amd64/v1', 'linux/386'],
  'linux/amd64/v4': [
    'linux/amd64/v4',
    'linux/amd64/v3',
    'linux/amd64/v2',
    'linux/amd64',
    'linux/amd64/v1',
    'linux/386',
  ],
  'linux/arm/v4': ['linux/arm/v4'],
  'linux/arm/v5': arm(5),
  'linux/arm/v6': arm(6),
  'linux/arm': arm(7),
  'linux/arm/v7': arm(7),
  'linux/arm/v8': arm(8),
  'linux/arm64': [...v8, ...arm(8)],
  'linux/arm64/v8': [...v8, ...arm(8)],
  'linux/arm64/v8.1': ['linux/arm64/v8.1', ...v8, ...arm(8)],
  'linux/arm64/v8.6': ['linux/arm64/v8.6', 'linux/arm64/v8.5', 'linux/arm64/v8.1', ...v8, ...arm(8)],
  'linux/arm64/v9': ['linux/arm64/v9', 'linux/arm64/v9.0', 'linux/arm64/v8.5', 'linux/arm64/v8.1', ...v8, ...arm(8)],
  'linux/arm64/v9.1': [
    'linux/arm64/v9.1',
    'linux/arm64/v9',
    'linux/arm64/v9.0',
    'linux/arm64/v8.6',
    'linux/arm64/v8.5',
    'linux/arm64/v8.1',
    ...v8,
    ...arm(8),
  ],
  'linux/arm64/v9.7': [
    'linux/arm64/v9.7',
    'linux/arm64/v9.1',
    'linux/arm64/v9',
    'linux/arm64/v9.0',
    'linux/arm64/v8.9',
    'linux/arm64/v8.6',
    'linux/arm64/v8.5',
    'linux/arm64/v8.1',
    ...v8,
    ...arm(8),
  ],
  'linux/s390x': ['linux/s390x'],
  'linux/riscv64': ['linux/riscv64'],
  'darwin/arm64': ['darwin/arm64'],
  'windows/amd64': ['windows/amd64'],
}

describe('only()', () => {
  for (const [host, expected] of Object.entries(runs)) {
    const matcher = matcherOf(only, host)
    for (const candidate of catalogue) {
      const runs = expected.includes(candidate)
      test(`${host} ${runs ? 'runs' : 'refuses'} ${candidate}`, () => {
        assert.equal(matcher.match(parsePlatform(candidate)), runs)
      })
    }
    test(`${host} prefers in order`, () => {
      assert.deepEqual(sorted(matcher, catalogue).slice(0, expected.length), expected)
      assert.deepEqual(
        sorted(matcher, [...catalogue].reverse())
          .slice(0, expected.length)
          .map(canonical),
        expected.map(canonical),
      )
    })
  }

  test('keeps a variant that nobody knows to itself', () => {
    for (const odd of [
      'linux/arm64/v8.10',
      'linux/arm64/vx',
      'linux/arm/vx',
      'linux/amd64/x',
      'linux/ppc64le/power9',
    ]) {
      assert.equal(matcherOf(only, odd).match(parsePlatform(odd)), true, odd)
      assert.equal(matcherOf(only, 'linux/arm64/v9.7').match(parsePlatform(odd)), false, odd)
    }
  })
})

describe('onlyStrict()', () => {
  for (const host of Object.keys(runs)) {
    test(`${host} takes itself alone, in any spelling`, () => {
      const taken = catalogue.filter(candidate => matcherOf(onlyStrict, host).match(parsePlatform(candidate)))
      assert.deepEqual(
        taken,
        catalogue.filter(candidate => canonical(candidate) === canonical(host)),
      )
    })
  }
})

describe('anyOf()', () => {
  const matcher = anyOf(parsePlatform('linux/arm64'), parsePlatform('linux/amd64'))

  test('takes each of its platforms, strictly', () => {
    assert.deepEqual(
      catalogue.filter(candidate => matcher.match(parsePlatform(candidate))),
      ['linux/amd64', 'linux/amd64/v1', 'linux/arm64', 'linux/arm64/v8'],
    )
  })

  test('prefers none of them, but all to others', () => {
    assert.deepEqual(sorted(matcher, ['linux/386', 'linux/amd64', 'linux/arm64']), [
      'linux/amd64',
      'linux/arm64',
      'linux/386',
    ])
    assert.deepEqual(sorted(matcher, ['linux/arm64', 'linux/amd64']), ['linux/arm64', 'linux/amd64'])
  })

  test('of nothing takes nothing', () => {
    assert.equal(anyOf().match(parsePlatform('linux/amd64')), false)
  })
})

test('anyPlatform takes everything and leaves the order', () => {
  assert.deepEqual(sorted(anyPlatform, [...catalogue].reverse()), [...catalogue].reverse())
  for (const candidate of catalogue) assert.equal(anyPlatform.match(parsePlatform(candidate)), true)
})

const versions: readonly (readonly [host: string, image: string, runs: boolean])[] = [
  // Before Server 2022: the same build, whatever the revision.
  ['10.0.17763', '10.0.17763', true],
  ['10.0.17763', '10.0.17763.1', true],
  ['10.0.17763.5', '10.0.17763.1', true],
  ['10.0.17763', '10.0.17762', false],
  ['10.0.17763', '10.0.17764', false],
  ['10.0.17763', '10.0.20348', false],
  ['10.0.14393', '10.0.14393.9', true],
  ['10.0.19041', '10.0.17763', false],
  // Server 2022: its own build.
  ['10.0.20348', '10.0.20348', true],
  ['10.0.20348', '10.0.20348.1000', true],
  ['10.0.20348', '10.0.20347', false],
  ['10.0.20348', '10.0.20349', false],
  ['10.0.20348', '10.0.17763', false],
  // Between the long-term releases: from the one before up to itself.
  ['10.0.22000', '10.0.20348', true],
  ['10.0.22621', '10.0.20348', true],
  ['10.0.22621', '10.0.22000', true],
  ['10.0.22621', '10.0.22621', true],
  ['10.0.22621', '10.0.22622', false],
  ['10.0.25398', '10.0.20348', true],
  ['10.0.25398', '10.0.22621', true],
  ['10.0.25398', '10.0.20347', false],
  ['10.0.25398', '10.0.26100', false],
  ['10.0.25398', '10.0.17763', false],
  // Server 2025, and after it.
  ['10.0.26100', '10.0.26100', true],
  ['10.0.26100', '10.0.25398', true],
  ['10.0.26100', '10.0.20348', true],
  ['10.0.26100', '10.0.20347', false],
  ['10.0.26100', '10.0.26101', false],
  ['10.0.26200', '10.0.26100', true],
  ['10.0.26200', '10.0.25398', false],
  ['10.0.26200', '10.0.20348', false],
  // Another major or minor version never.
  ['10.0.20348', '10.1.20348', false],
  ['10.0.20348', '11.0.20348', false],
  ['10.0.26100', '6.3.26100', false],
  // What says nothing fits all.
  ['', '10.0.17763', true],
  ['10.0.17763', '', true],
  ['', '', true],
  ['10.0', '10.0.17763', true],
  ['ltsc2022', '10.0.17763', true],
  ['0.0.0', '10.0.17763', true],
  ['10.0.17763', 'ltsc2019', false],
  ['10.0.17763', '10.0', false],
]

describe('Windows versions', () => {
  for (const [host, image, runs] of versions) {
    test(`${host || 'any'} ${runs ? 'runs' : 'refuses'} ${image || 'any'}`, () => {
      for (const make of [only, onlyStrict]) {
        const matcher = make({ os: 'windows', architecture: 'amd64', osVersion: host })
        assert.equal(matcher.match({ os: 'windows', architecture: 'amd64', osVersion: image }), runs)
      }
    })
  }

  test('matter to Windows alone', () => {
    const matcher = only({ os: 'linux', architecture: 'amd64', osVersion: '6.1.9' })
    assert.equal(matcher.match({ os: 'linux', architecture: 'amd64', osVersion: '5.4.0' }), true)
  })
})

const features: readonly (readonly [host: string, image: string, runs: boolean])[] = [
  ['linux/amd64', 'linux(+gpu)/amd64', false],
  ['linux(+gpu)/amd64', 'linux/amd64', true],
  ['linux(+gpu)/amd64', 'linux(+gpu)/amd64', true],
  ['linux(+gpu)/amd64', 'linux(+simd)/amd64', false],
  ['linux(+gpu)/amd64', 'linux(+gpu+simd)/amd64', false],
  ['linux(+gpu+simd)/amd64', 'linux(+simd)/amd64', true],
  ['linux(+simd+gpu)/amd64', 'linux(+gpu+simd)/amd64', true],
  ['linux(+gpu)/amd64', 'linux(+gpu+gpu)/amd64', true],
  ['linux(+gpu)/amd64', 'linux(+gpu)/386', true],
  ['linux(+gpu)/arm64', 'linux(+gpu)/arm/v7', true],
  ['linux(+GPU)/amd64', 'linux(+gpu)/amd64', false],
  ['linux/amd64', 'linux(+win32k)/amd64', false],
  ['windows/amd64', 'windows(+win32k)/amd64', true],
  ['windows(10.0.17763)/amd64', 'windows(10.0.17763+win32k)/amd64', true],
  ['windows/amd64', 'windows(+win32k+other)/amd64', false],
  ['windows(+win32k)/amd64', 'windows/amd64', true],
]

describe('features', () => {
  for (const [host, image, runs] of features) {
    test(`${host} ${runs ? 'runs' : 'refuses'} ${image}`, () => {
      assert.equal(matcherOf(only, host).match(parsePlatform(image)), runs)
    })
  }

  test('more of them are better, on the same architecture', () => {
    const wanted = [
      'linux(+a+b)/amd64',
      'linux(+a)/amd64',
      'linux/amd64',
      'linux(+a+b)/386',
      'linux/386',
      'linux(+c)/amd64',
    ]
    for (const make of [only, anyOf]) {
      const order = sorted(matcherOf(make, 'linux(+a+b)/amd64'), [...wanted].reverse())
      assert.deepEqual(order.slice(0, 3), wanted.slice(0, 3))
    }
    assert.deepEqual(sorted(matcherOf(only, 'linux(+a+b)/amd64'), [...wanted].reverse()), wanted)
  })

  test('decide last among what does not match', () => {
    const matcher = matcherOf(only, 'linux/amd64')
    assert.deepEqual(sorted(matcher, ['linux/s390x', 'linux(+x)/386', 'linux(+x)/amd64']), [
      'linux(+x)/amd64',
      'linux(+x)/386',
      'linux/s390x',
    ])
  })
})

test('compare() is an order: antisymmetric, and what matches comes first', () => {
  const candidate = fc.constantFrom(...catalogue, 'linux(+a)/amd64', 'linux(+a+b)/arm64', 'windows(10.0.20348)/amd64')
  const host = fc.constantFrom(...Object.keys(runs), 'linux(+a+b)/amd64', 'windows(10.0.26100)/amd64')
  fc.assert(
    fc.property(host, candidate, candidate, (own, one, other) => {
      const matcher = matcherOf(only, own)
      const [a, b] = [parsePlatform(one), parsePlatform(other)]
      assert.equal(Math.sign(matcher.compare(a, b)) + Math.sign(matcher.compare(b, a)), 0)
      if (matcher.match(a) && !matcher.match(b)) assert.ok(matcher.compare(a, b) < 0)
    }),
  )
})

function matcherOf(
  make: (platform: ReturnType<typeof parsePlatform>) => PlatformMatcher,
  text: string,
): PlatformMatcher {
  return make(parsePlatform(text))
}

function sorted(matcher: PlatformMatcher, candidates: readonly string[]): readonly string[] {
  return [...candidates].sort((a, b) => matcher.compare(parsePlatform(a), parsePlatform(b)))
}

/** One spelling for what is the same platform. */
function canonical(text: string): string {
  const same: Readonly<Record<string, string>> = {
    'linux/amd64/v1': 'linux/amd64',
    'linux/arm': 'linux/arm/v7',
    'linux/arm64/v8': 'linux/arm64',
    'linux/arm64/v9.0': 'linux/arm64/v9',
  }
  const written = formatPlatform(parsePlatform(text))
  return same[written] ?? written
}
