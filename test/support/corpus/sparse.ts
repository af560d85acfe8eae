import { base256, pax, rawEntry } from '../tar.ts'
import { harmless, type Row, refused, type Table } from './case.ts'

type Record = readonly [string, string]

/** A file with a sparse map in its extended header. */
function mapped(records: readonly Record[], data = 'x'): Buffer[] {
  return [pax(...records), rawEntry({ name: 'f' }, data)]
}

/** Of version 1.0, whose map stands before the data. */
function leading(map: string, realsize: string, data = 'x'): Buffer[] {
  const head = Buffer.from(map.padEnd(Math.max(1, Math.ceil(map.length / 512)) * 512, '\0'))
  return [
    pax(
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', 'f'],
      ['GNU.sparse.realsize', realsize],
    ),
    rawEntry({ name: 'f' }, Buffer.concat([head, Buffer.from(data)])),
  ]
}

/** Of the old kind: offsets and lengths in the header. */
function old(
  regions: readonly (readonly [number | Uint8Array, number | Uint8Array])[],
  size: number | Uint8Array,
  data = 'x',
): Buffer[] {
  const patch = regions.flatMap(([offset, length], i): [number, string | Uint8Array][] => [
    [386 + 24 * i, octal(offset)],
    [398 + 24 * i, octal(length)],
  ])
  return [rawEntry({ name: 'f', type: 'S', magic: 'gnu', patch: [...patch, [483, octal(size)]] }, data)]
}

function octal(value: number | Uint8Array): string | Uint8Array {
  return typeof value === 'number' ? value.toString(8).padStart(11, '0') : value
}

const bad = (parts: readonly Buffer[]): Row => refused('MALFORMED', ...parts)
const tooMuch = (parts: readonly Buffer[]): Row => refused('LIMIT_EXCEEDED', ...parts)
const map = (text: string, size = '10'): Record[] => [
  ['GNU.sparse.numblocks', String(Math.ceil(text.split(',').length / 2))],
  ['GNU.sparse.map', text],
  ['GNU.sparse.size', size],
]

/** Maps that promise what the data can't hold, or that cost more than the file. */
export const sparse: Table = {
  'a hole at the end': harmless(mapped(map('0,1', '1000'))),
  'a map of 2²⁰ regions': tooMuch(leading(`1048576\n${'0\n0\n'.repeat(1000)}`, '10')),
  'a map of 2¹⁶ + 1 regions in PAX': tooMuch(
    mapped(map(Array.from({ length: 65_537 }, () => '0,0').join(','), '10'), ''),
  ),
  'a map of 10¹⁵ regions': tooMuch(leading('999999999999999\n', '10')),
  'a count of 17 digits': bad(leading('99999999999999999\n', '10')),
  'a size of 8 EiB': bad(mapped(map('0,1', '9223372036854775807'))),
  'a size of 8 EiB, old': bad(old([[0, 1]], base256(2n ** 63n - 1n, 12))),
  'a size of 8 EiB, version 1.0': bad(leading('1\n0\n1\n', '9223372036854775807')),
  'a negative size': bad(mapped(map('0,1', '-1'))),
  'a negative size, old': bad(old([[0, 1]], base256(-1n, 12))),
  'no size': bad(
    mapped([
      ['GNU.sparse.numblocks', '1'],
      ['GNU.sparse.map', '0,1'],
    ]),
  ),
  'regions that overlap': bad(mapped(map('0,2,1,2', '10'), 'xxxx')),
  'regions out of order': bad(mapped(map('5,1,0,1', '10'), 'xx')),
  'regions that overlap, old': bad(
    old(
      [
        [0, 2],
        [1, 2],
      ],
      10,
      'xxxx',
    ),
  ),
  'regions that overlap, version 1.0': bad(leading('2\n0\n2\n1\n2\n', '10', 'xxxx')),
  'a region past the end': bad(mapped(map('9,2', '10'), 'xx')),
  'a region past the end, old': bad(old([[9, 2]], 10, 'xx')),
  'a region of a negative offset': bad(old([[base256(-1n, 12), 1]], 10)),
  'a region of a negative length': bad(old([[0, base256(-1n, 12)]], 10)),
  'a region whose end wraps': bad(old([[base256(2n ** 63n - 1n, 12), 1]], 10)),
  'a map that covers less than the data': bad(mapped(map('0,1', '10'), 'xx')),
  'a map that covers more than the data': bad(mapped(map('0,5', '10'), 'x')),
  'no map, and data': bad(mapped([['GNU.sparse.size', '10']], 'x')),
  'an offset without a length': bad(mapped(map('0', '10'))),
  'a map of no numbers': bad(mapped(map('a,b', '10'))),
  'a map of nothing between commas': bad(mapped(map('0,1,,', '10'))),
  'a length without an offset': bad(
    mapped([
      ['GNU.sparse.size', '10'],
      ['GNU.sparse.numbytes', '1'],
    ]),
  ),
  'an offset without its length': bad(
    mapped([
      ['GNU.sparse.size', '10'],
      ['GNU.sparse.offset', '0'],
    ]),
  ),
  'a map longer than the data': bad(leading('1\n0\n', '10', '')),
  'a map without newlines': bad(leading('1 0 1', '10')),
  'a map with an empty line': bad(leading('1\n\n0\n1\n', '10')),
  'a map with a sign': bad(leading('1\n-0\n1\n', '10')),
  'another version': refused(
    'UNSUPPORTED',
    pax(['GNU.sparse.major', '2'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '1']),
    rawEntry({ name: 'f' }, 'x'),
  ),
  'a sparse directory': bad([pax(...map('0,0', '10')), rawEntry({ name: 'd', type: '5' })]),
  'two maps': bad([pax(...map('0,1', '10')), ...old([[0, 1]], 10)]),
  'an extension block that is no map': bad([extended(Buffer.alloc(512, 'z'))]),
  'extension blocks without end': tooMuch([extended(Buffer.concat(Array.from({ length: 3200 }, emptyRegions)))]),
}

/** Of the old kind, with `blocks` of map after its header. */
function extended(blocks: Uint8Array): Buffer {
  const patch: [number, string | Uint8Array][] = [
    [482, '\x01'],
    [483, octal(10)],
  ]
  return rawEntry({ name: 'f', type: 'S', magic: 'gnu', size: 1, patch }, blocks)
}

/** 21 empty regions, and more to follow. */
function emptyRegions(): Buffer {
  const block = Buffer.alloc(512)
  for (let at = 0; at < 504; at += 12) block.write('00000000000', at)
  block[504] = 1
  return block
}
