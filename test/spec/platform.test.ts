import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { formatPlatform, normalizePlatform, type Platform } from '../../src/spec/platform.ts'
import { parsePlatform } from '../../src/spec/platform-parse.ts'

/** `os architecture variant` before and after; `-` for no variant. */
const normalized: readonly (readonly [before: string, after: string])[] = [
  ['linux amd64 -', 'linux amd64 -'],
  ['Linux AMD64 -', 'linux amd64 -'],
  ['linux x86_64 -', 'linux amd64 -'],
  ['linux x86-64 -', 'linux amd64 -'],
  ['linux X86_64 V1', 'linux amd64 -'],
  ['linux amd64 v1', 'linux amd64 -'],
  ['linux amd64 v2', 'linux amd64 v2'],
  ['linux amd64 V3', 'linux amd64 v3'],
  ['linux x86_64 v4', 'linux amd64 v4'],
  ['linux i386 -', 'linux 386 -'],
  ['linux I386 v1', 'linux 386 -'],
  ['linux 386 -', 'linux 386 -'],
  ['linux aarch64 -', 'linux arm64 -'],
  ['linux AArch64 v8', 'linux arm64 -'],
  ['linux arm64 8', 'linux arm64 -'],
  ['linux arm64 v8', 'linux arm64 -'],
  ['linux arm64 V8', 'linux arm64 -'],
  ['linux arm64 v8.0', 'linux arm64 -'],
  ['linux arm64 v8.1', 'linux arm64 v8.1'],
  ['linux arm64 9', 'linux arm64 v9'],
  ['linux arm64 9.0', 'linux arm64 v9'],
  ['linux arm64 v9', 'linux arm64 v9'],
  ['linux arm64 v9.0', 'linux arm64 v9'],
  ['linux arm64 v9.2', 'linux arm64 v9.2'],
  ['linux arm -', 'linux arm v7'],
  ['linux arm 5', 'linux arm v5'],
  ['linux arm 6', 'linux arm v6'],
  ['linux arm 7', 'linux arm v7'],
  ['linux arm 8', 'linux arm v8'],
  ['linux arm v4', 'linux arm v4'],
  ['linux arm v7', 'linux arm v7'],
  ['linux ARM V6', 'linux arm v6'],
  ['linux armhf -', 'linux arm v7'],
  ['linux armhf v6', 'linux arm v7'],
  ['linux armel -', 'linux arm v6'],
  ['linux armel v7', 'linux arm v6'],
  ['linux riscv64 -', 'linux riscv64 -'],
  ['linux ppc64le power9', 'linux ppc64le power9'],
  ['linux s390x -', 'linux s390x -'],
  ['macOS arm64 -', 'darwin arm64 -'],
  ['MacOS x86_64 -', 'darwin amd64 -'],
  ['Windows amd64 -', 'windows amd64 -'],
  ['unknown unknown -', 'unknown unknown -'],
]

describe('normalizePlatform()', () => {
  for (const [before, after] of normalized) {
    test(`${before} becomes ${after}`, () => assert.deepEqual(normalizePlatform(platform(before)), platform(after)))
  }

  test('sorts features, each once', () => {
    const { osFeatures } = normalizePlatform({ ...platform('linux amd64 -'), osFeatures: ['b', 'a', 'b'] })
    assert.deepEqual(osFeatures, ['a', 'b'])
    assert.deepEqual(normalizePlatform({ ...platform('linux amd64 -'), osFeatures: [] }), platform('linux amd64 -'))
  })

  test('keeps the version of the operating system', () => {
    const windows = { ...platform('windows amd64 -'), osVersion: '10.0.17763.1' }
    assert.deepEqual(normalizePlatform(windows), windows)
  })

  test('changes nothing the second time', () => {
    for (const [, after] of normalized) assert.deepEqual(normalizePlatform(platform(after)), platform(after))
  })
})

/** On a linux/amd64 machine: what is typed, and how the platform is written. */
const parsed: readonly (readonly [typed: string, written: string])[] = [
  ['linux', 'linux/amd64'],
  ['Linux', 'linux/amd64'],
  ['windows', 'windows/amd64'],
  ['windows()', 'windows/amd64'],
  ['macos', 'darwin/amd64'],
  ['macOS', 'darwin/amd64'],
  ['darwin', 'darwin/amd64'],
  ['freebsd', 'freebsd/amd64'],
  ['aix', 'aix/amd64'],
  ['zos', 'zos/amd64'],
  ['amd64', 'linux/amd64'],
  ['x86_64', 'linux/amd64'],
  ['x86-64', 'linux/amd64'],
  ['X86_64', 'linux/amd64'],
  ['386', 'linux/386'],
  ['i386', 'linux/386'],
  ['arm64', 'linux/arm64'],
  ['aarch64', 'linux/arm64'],
  ['Aarch64', 'linux/arm64'],
  ['arm', 'linux/arm'],
  ['armhf', 'linux/arm'],
  ['armel', 'linux/arm/v6'],
  ['s390x', 'linux/s390x'],
  ['ppc64le', 'linux/ppc64le'],
  ['riscv64', 'linux/riscv64'],
  ['loong64', 'linux/loong64'],
  ['wasm', 'linux/wasm'],
  ['linux/amd64', 'linux/amd64'],
  ['Linux/x86_64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v2', 'linux/amd64/v2'],
  ['linux/amd64/V3', 'linux/amd64/v3'],
  ['linux/386', 'linux/386'],
  ['linux/i386', 'linux/386'],
  ['linux/arm', 'linux/arm'],
  ['linux/armhf', 'linux/arm'],
  ['linux/armel', 'linux/arm/v6'],
  ['linux/arm/v5', 'linux/arm/v5'],
  ['linux/arm/v6', 'linux/arm/v6'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['linux/arm/v7', 'linux/arm/v7'],
  ['linux/arm/7', 'linux/arm/v7'],
  ['linux/arm/v8', 'linux/arm/v8'],
  ['linux/arm64', 'linux/arm64'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/arm64/v8', 'linux/arm64/v8'],
  ['linux/arm64/8', 'linux/arm64/v8'],
  ['linux/arm64/v8.0', 'linux/arm64/v8'],
  ['linux/arm64/v8.2', 'linux/arm64/v8.2'],
  ['linux/arm64/v9', 'linux/arm64/v9'],
  ['linux/arm64/9.0', 'linux/arm64/v9'],
  ['linux/s390x', 'linux/s390x'],
  ['linux/riscv64/rva22u64', 'linux/riscv64/rva22u64'],
  ['macOS/aarch64', 'darwin/arm64'],
  ['wasi/wasm', 'wasi/wasm'],
  ['nosuch/nosuch', 'nosuch/nosuch'],
  ['unknown/unknown', 'unknown/unknown'],
  ['windows/amd64', 'windows/amd64'],
  ['windows(10.0.17763)', 'windows(10.0.17763)/amd64'],
  ['windows(10.0.17763)/amd64', 'windows(10.0.17763)/amd64'],
  ['windows(10.0.20348.2)/amd64', 'windows(10.0.20348.2)/amd64'],
  ['windows(10.0.17763+win32k)', 'windows(10.0.17763+win32k)/amd64'],
  ['windows(10.0.17763+win32k)/amd64/v2', 'windows(10.0.17763+win32k)/amd64/v2'],
  ['windows(+win32k)/arm64', 'windows(+win32k)/arm64'],
  ['linux(+gpu)', 'linux(+gpu)/amd64'],
  ['linux(+gpu)/arm64', 'linux(+gpu)/arm64'],
  ['linux(+gpu+simd)', 'linux(+gpu+simd)/amd64'],
  ['linux(+simd+gpu)', 'linux(+gpu+simd)/amd64'],
  ['linux(+gpu+gpu)', 'linux(+gpu)/amd64'],
  ['windows(10.0.17763%2Bbuild.42)', 'windows(10.0.17763%2Bbuild.42)/amd64'],
  ['windows(10.0.17763%2bbuild.42+win32k)', 'windows(10.0.17763%2Bbuild.42+win32k)/amd64'],
  ['windows(50%25done)', 'windows(50%25done)/amd64'],
  ['linux(a%28b%29c)', 'linux(a%28b%29c)/amd64'],
  ['linux(+a%2Fb)', 'linux(+a%2Fb)/amd64'],
  ['linux(%41)', 'linux(A)/amd64'],
]

const refused = [
  '',
  '/',
  'nosuch',
  'linux/',
  '/amd64',
  'linux//v7',
  'linux/arm/',
  'linux/arm/v7/extra',
  'linux/arm/v7/',
  'a/b/c/d/e',
  '*',
  'linux/*',
  '*/arm64',
  'linux/arm64/*',
  'linux amd64',
  'linux/amd64 ',
  ' linux/amd64',
  'linux/amd64\n',
  'linux\\amd64',
  'linux,amd64',
  'linux:amd64',
  'linux/arm64@v8',
  'linux/&arm',
  'linux/arm/foo/bar',
  'linux/größe',
  'win.dows/amd64',
  'windows(',
  'windows)',
  'windows(10.0',
  'windows(10.0)x/amd64',
  'windows((10.0))/amd64',
  'windows(a b)/amd64',
  'windows(10.0.17763+)/amd64',
  'linux(++gpu)',
  'linux(+gpu+)',
  'linux(%)',
  'linux(%zz)',
  'linux(+%e0)',
  'amd64(10.0)',
  'linux/amd64(10.0)',
]

const host = platform('linux amd64 -')

describe('parsePlatform()', () => {
  for (const [typed, written] of parsed) {
    test(`reads ${typed} as ${written}`, () => {
      assert.equal(formatPlatform(parsePlatform(typed, host)), written)
      assert.equal(formatPlatform(parsePlatform(written)), written)
    })
  }
  for (const typed of refused) {
    test(`refuses ${JSON.stringify(typed)}`, () => {
      assert.throws(() => parsePlatform(typed, host), { code: 'INVALID_ARGUMENT', message: /^Cannot read platform / })
    })
  }

  test('takes the parts apart', () => {
    assert.deepEqual(parsePlatform('Windows(10.0.20348%2B1+b+a)/X86_64/v2'), {
      os: 'windows',
      architecture: 'amd64',
      variant: 'v2',
      osVersion: '10.0.20348+1',
      osFeatures: ['b', 'a'],
    })
  })

  test('takes the missing half from the host', () => {
    const pi = platform('linux arm v6')
    assert.deepEqual(parsePlatform('linux', pi), pi)
    assert.deepEqual(parsePlatform('windows', platform('linux arm v7')), platform('windows arm -'))
    assert.deepEqual(parsePlatform('linux', platform('linux arm64 v9')), platform('linux arm64 -'))
    assert.deepEqual(parsePlatform('arm64', platform('darwin amd64 -')), platform('darwin arm64 -'))
  })

  test('refuses half a platform where no host is known', () => {
    for (const half of ['linux', 'arm64']) {
      assert.throws(() => parsePlatform(half), { code: 'INVALID_ARGUMENT', message: /only half/ })
    }
  })

  test('throws nothing but INVALID_ARGUMENT', () => {
    const pieces = fc.constantFrom('linux', 'arm', '/', '(', ')', '+', '%', '%2', '25', 'v8', '*', 'é', '__proto__')
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces, { maxLength: 9 }).map(some => some.join('')),
    )
    fc.assert(
      fc.property(text, typed => {
        try {
          parsePlatform(typed, host)
        } catch (error) {
          assert.ok(error instanceof Error && 'code' in error && error.code === 'INVALID_ARGUMENT', String(error))
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('formatPlatform()', () => {
  test('says unknown where there is no operating system', () => {
    assert.equal(formatPlatform({ os: '', architecture: 'amd64' }), 'unknown')
  })

  test('leaves out what is empty', () => {
    assert.equal(formatPlatform({ os: 'linux', architecture: '', variant: '' }), 'linux')
    assert.equal(formatPlatform({ os: 'linux', architecture: 'arm', osVersion: '', osFeatures: ['', ''] }), 'linux/arm')
  })

  test('is read back as it was written', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,6}$/)
    const option = fc.stringMatching(/^[\w.%+()/-]{1,8}$/)
    const any = fc.record(
      {
        os: word,
        architecture: word,
        variant: word,
        osVersion: option,
        osFeatures: fc.array(option, { maxLength: 3 }),
      },
      { requiredKeys: ['os', 'architecture'] },
    )
    fc.assert(
      fc.property(any, one => {
        const written = formatPlatform(normalizePlatform(one))
        assert.deepEqual(normalizePlatform(parsePlatform(written)), normalizePlatform(one))
      }),
    )
  })
})

function platform(words: string): Platform {
  const [os = '', architecture = '', variant = '-'] = words.split(' ')
  return { os, architecture, ...(variant !== '-' && { variant }) }
}
