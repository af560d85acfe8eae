import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../../../src/errors.ts'
import { archive, base256, pax, type RawHeader, rawEntry, rawHeader, readTar } from '../../support/tar.ts'

type Map = readonly (readonly [offset: number, length: number])[]

/** The same file in each of the four ways to write it: regions filled with letters, the name `s`. */
const formats: Readonly<Record<string, (map: Map, size: number | string, data: string) => Buffer>> = {
  'PAX 0.0': (map, size, data) =>
    Buffer.concat([
      pax(
        ['GNU.sparse.size', String(size)],
        ['GNU.sparse.numblocks', String(map.length)],
        ...map.flatMap(([offset, length]) => [
          ['GNU.sparse.offset', String(offset)] as const,
          ['GNU.sparse.numbytes', String(length)] as const,
        ]),
      ),
      rawEntry({ name: 's' }, data),
    ]),
  'PAX 0.1': (map, size, data) =>
    Buffer.concat([
      pax(
        ['path', 'GNUSparseFile.1/s'],
        ['GNU.sparse.name', 's'],
        ['GNU.sparse.size', String(size)],
        ['GNU.sparse.numblocks', String(map.length)],
        ['GNU.sparse.map', map.flat().join(',')],
      ),
      rawEntry({}, data),
    ]),
  'PAX 1.0': (map, size, data) => {
    const text = [map.length, ...map.flat(), ''].join('\n')
    return Buffer.concat([
      pax(
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.name', 's'],
        ['GNU.sparse.realsize', String(size)],
      ),
      rawEntry({}, text.padEnd(Math.ceil(text.length / 512) * 512, '\0') + data),
    ])
  },
  'old GNU': (map, size, data) => {
    const regions = map.map(([offset, length]) => Buffer.concat([field(offset), field(length)]))
    const blocks: Buffer[] = []
    for (let at = 4; at < regions.length; at += 21) {
      const block = Buffer.alloc(512)
      block.set(Buffer.concat(regions.slice(at, at + 21)))
      block[504] = at + 21 < regions.length ? 1 : 0
      blocks.push(block)
    }
    const patch: RawHeader['patch'] = [
      [386, Buffer.concat(regions.slice(0, 4))],
      [482, blocks.length > 0 ? '\x01' : '\0'],
      [483, typeof size === 'number' ? field(size) : size],
    ]
    const entry = rawEntry({ name: 's', type: 'S', magic: 'gnu', patch }, data)
    return Buffer.concat([entry.subarray(0, 512), ...blocks, entry.subarray(512)])
  },
}

function field(value: number): Buffer {
  return Buffer.from(`${value.toString(8).padStart(11, '0')}\0`)
}

const holes: Map = [
  [10, 3],
  [13, 2],
  [50, 0],
  [100, 4],
  [120, 0],
]
const many: Map = Array.from({ length: 60 }, (_, at) => [at * 3, 1] as const)

for (const [format, write] of Object.entries(formats)) {
  test(`push() reads a sparse file, ${format}`, () => {
    const [entry] = readTar(archive(write(holes, 120, 'abcdefghi')))
    assert.ok(entry)
    assert.equal(entry.path.toString(), 's')
    const expected = Buffer.alloc(120)
    expected.write('abcde', 10)
    expected.write('fghi', 100)
    assert.deepEqual(entry.data, expected)
    assert.deepEqual(
      entry.segments.map(({ fileOffset, length }) => [fileOffset, length]),
      [
        [10, 3],
        [13, 2],
        [100, 4],
      ],
    )
  })

  test(`push() says where a sparse file's data lies, ${format}`, () => {
    const tar = archive(write(holes, 120, 'abcdefghi'), rawEntry({ name: 'next' }, 'n'))
    const [entry, next] = readTar(tar)
    const text = entry?.segments.map(({ tarOffset, length }) => tar.toString('latin1', tarOffset, tarOffset + length))
    assert.deepEqual(text, ['abc', 'de', 'fghi'])
    assert.equal(next?.data.toString(), 'n')
  })

  test(`push() reads a map across blocks, cut anywhere, ${format}`, () => {
    const tar = archive(write(many, 200, 'x'.repeat(60)))
    const whole = readTar(tar)
    assert.equal(whole[0]?.segments.length, 60)
    for (let at = 1; at < tar.length; at += 13) assert.deepEqual(readTar(tar, [at]), whole, `cut at ${at}`)
    assert.deepEqual(readTar(tar, 100), whole)
  })

  test(`push() reads a file of one hole, ${format}`, () => {
    const [entry] = readTar(archive(write([[2 ** 20, 0]], 2 ** 20, '')))
    assert.deepEqual([entry?.size, entry?.segments], [2 ** 20, []])
  })

  const wrong: readonly [string, Map, number | string, string][] = [
    [
      'overlapping regions',
      [
        [0, 5],
        [4, 5],
      ],
      100,
      'x'.repeat(10),
    ],
    [
      'regions out of order',
      [
        [50, 5],
        [0, 5],
      ],
      100,
      'x'.repeat(10),
    ],
    ['a region past the end', [[96, 5]], 100, 'x'.repeat(5)],
    ['more data than the map has', [[0, 5]], 100, 'x'.repeat(6)],
    ['less data than the map has', [[0, 5]], 100, 'x'.repeat(4)],
    ['data without a map', [], 100, 'x'],
    ['a size that is no number', [[0, 5]], 'x', 'x'.repeat(5)],
  ]
  for (const [name, map, size, data] of wrong) {
    test(`push() refuses ${name}, ${format}`, () => {
      assert.throws(
        () => readTar(archive(write(map, size, data))),
        error => hasCode(error, 'MALFORMED'),
      )
    })
  }

  test(`push() takes so many regions and no more, ${format}`, () => {
    const regions = (count: number): Map => Array.from({ length: count }, (_, at) => [at, 0] as const)
    // A map in records of 0.0 meets the limit of a header first.
    const max = format === 'PAX 0.0' ? 15_000 : 2 ** 16
    const over = format === 'PAX 0.0' ? 25_000 : max + 1
    assert.equal(readTar(archive(write(regions(max), 2 ** 17, ''))).length, 1)
    assert.throws(
      () => readTar(archive(write(regions(over), 2 ** 17, ''))),
      error => hasCode(error, 'LIMIT_EXCEEDED'),
    )
  })
}

test('push() refuses an endless map before it is read', () => {
  const head = [
    pax(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '1']),
    rawEntry({}, `${2 ** 30}\n`.padEnd(512, '1\n')),
  ]
  assert.throws(
    () => readTar(archive(...head)),
    error => hasCode(error, 'LIMIT_EXCEEDED'),
  )
})

test('push() refuses a map that leaves its entry, at once', () => {
  const head = [
    pax(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '9']),
    rawHeader({ size: 511 }),
  ]
  assert.throws(() => readTar(Buffer.concat(head)), /sparse map is cut off/)
})

test('push() refuses an endless map of old GNU before its end', () => {
  const region = Buffer.concat([field(0), field(0)])
  const extension = Buffer.concat([...Array.from({ length: 21 }, () => region), Buffer.alloc(8, 1)])
  const head = rawHeader({
    type: 'S',
    magic: 'gnu',
    patch: [
      [386, region],
      [482, '\x01'],
    ],
  })
  assert.throws(
    () => readTar(Buffer.concat([head, ...Array.from({ length: 3200 }, () => extension)])),
    error => hasCode(error, 'LIMIT_EXCEEDED'),
  )
})

const malformed: readonly [string, Buffer][] = [
  [
    'a map without a count',
    Buffer.concat([pax(['GNU.sparse.size', '9'], ['GNU.sparse.map', '0,1']), rawEntry({}, 'x')]),
  ],
  [
    'a map of another count',
    Buffer.concat([
      pax(['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '2'], ['GNU.sparse.map', '0,1']),
      rawEntry({}, 'x'),
    ]),
  ],
  [
    'a map of no regions',
    Buffer.concat([pax(['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '0']), rawEntry({}, '')]),
  ],
  [
    'an offset without a length',
    Buffer.concat([pax(['GNU.sparse.size', '9'], ['GNU.sparse.offset', '0']), rawEntry({}, '')]),
  ],
  [
    'two lengths for an offset',
    Buffer.concat([
      pax(
        ['GNU.sparse.size', '9'],
        ['GNU.sparse.offset', '0'],
        ['GNU.sparse.numbytes', '1'],
        ['GNU.sparse.numbytes', '0'],
      ),
      rawEntry({}, ''),
    ]),
  ],
  [
    'a length without an offset',
    Buffer.concat([pax(['GNU.sparse.size', '9'], ['GNU.sparse.numbytes', '0']), rawEntry({}, '')]),
  ],
  [
    'a map of an odd count',
    Buffer.concat([
      pax(['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '0,1,2']),
      rawEntry({}, 'x'),
    ]),
  ],
  [
    'a map without a size',
    Buffer.concat([pax(['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '0,1']), rawEntry({}, 'x')]),
  ],
  [
    'a map with a sign',
    Buffer.concat([
      pax(['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '+0,1']),
      rawEntry({}, 'x'),
    ]),
  ],
  [
    'a map on a directory',
    Buffer.concat([
      pax(['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '0,0']),
      rawHeader({ type: '5' }),
    ]),
  ],
  [
    'two maps',
    Buffer.concat([
      pax(['GNU.sparse.size', '9'], ['GNU.sparse.numblocks', '1'], ['GNU.sparse.map', '0,0']),
      rawHeader({ type: 'S', magic: 'gnu' }),
    ]),
  ],
  ['a size of 8 EiB', rawHeader({ type: 'S', magic: 'gnu', patch: [[483, base256(2n ** 62n, 12)]] })],
  ['a negative size', rawHeader({ type: 'S', magic: 'gnu', patch: [[483, base256(-1n, 12)]] })],
  [
    'a negative offset',
    rawHeader({
      type: 'S',
      magic: 'gnu',
      patch: [
        [386, base256(-1n, 12)],
        [483, '11'],
      ],
    }),
  ],
  [
    'a map of 1.0 that is cut off',
    Buffer.concat([
      pax(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '9']),
      rawEntry({}, '9\n'),
    ]),
  ],
  [
    'a map of 1.0 with an empty line',
    Buffer.concat([
      pax(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '9']),
      rawEntry({}, '\n'.padEnd(512)),
    ]),
  ],
]
for (const [name, tar] of malformed) {
  test(`push() refuses ${name}`, () => {
    assert.throws(
      () => readTar(archive(tar)),
      error => hasCode(error, 'MALFORMED'),
    )
  })
}

for (const [major, minor] of [
  ['2', '0'],
  ['1', '1'],
  ['0', '2'],
  ['1', undefined],
  [undefined, '0'],
] as const) {
  test(`push() knows no sparse map of version ${major}.${minor}`, () => {
    const version = [
      ...(major === undefined ? [] : [['GNU.sparse.major', major] as const]),
      ...(minor === undefined ? [] : [['GNU.sparse.minor', minor] as const]),
    ]
    assert.throws(
      () => readTar(archive(pax(...version, ['GNU.sparse.realsize', '9']), rawEntry({}, ''))),
      error => hasCode(error, 'UNSUPPORTED'),
    )
  })
}
