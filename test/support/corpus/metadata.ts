import { base256, longName, pax, paxRecord, rawEntry, rawHeader } from '../tar.ts'
import { harmless, type Row, refused, type Table } from './case.ts'
import { directory, file } from './entries.ts'

/** Part of an archive that hides in a file's data. */
const smuggled = Buffer.concat([rawEntry({ name: 'smuggled' }, 'x'), Buffer.alloc(512)])

function extended(body: string | Uint8Array): Row {
  return refused('MALFORMED', rawEntry({ name: 'PaxHeader', type: 'x' }, body), file('f'))
}

/** Headers about headers that parsers read differently, or that cost more than they say. */
export const metadata: Table = {
  'a PAX size over a header of none': harmless([
    pax(['size', String(smuggled.length)]),
    rawEntry({ name: 'outer', size: 0 }, smuggled),
  ]),
  'a PAX size over a header of more': harmless([
    pax(['size', '0']),
    rawHeader({ name: 'outer', size: smuggled.length }),
    smuggled,
  ]),
  'a PAX size past a long name': harmless([
    pax(['size', String(smuggled.length)]),
    longName('L', 'outer'),
    rawEntry({ size: 0 }, smuggled),
  ]),
  'a global header between an entry and its own': refused(
    'MALFORMED',
    pax(['size', String(smuggled.length)]),
    rawEntry({ type: 'g' }, paxRecord('comment', 'x')),
    rawEntry({ name: 'outer', size: 0 }, smuggled),
  ),
  'an archive in a file': harmless([file('inner.tar', Buffer.concat([smuggled, Buffer.alloc(1024)])), file('after')]),
  'records in the value of a record': harmless([
    pax(['comment', 'x\n17 path=smuggled'], ['path', 'honest']),
    rawHeader({}),
  ]),
  'a record in a path': harmless([pax(['path', 'honest\n17 path=smuggled']), rawHeader({})]),
  'a numeric path': harmless([pax(['path', '12345']), rawHeader({})]),
  'a global path': harmless([rawEntry({ type: 'g' }, paxRecord('path', 'etc/x')), file('f')]),
  'a global size': harmless([rawEntry({ type: 'g' }, paxRecord('size', '512')), file('f')]),
  'a global owner': harmless([rawEntry({ type: 'g' }, paxRecord('uid', '0')), file('f', 'x', { uid: 1000 })]),
  'global attributes': harmless([
    rawEntry({ type: 'g' }, paxRecord('SCHILY.xattr.trusted.overlay.opaque', 'y')),
    directory('d'),
  ]),
  'an archive after the end': harmless([file('f'), Buffer.alloc(1024), file('smuggled')]),
  'junk after the end': harmless([file('f'), Buffer.alloc(1024), Buffer.from('junk')]),
  'a name that goes on behind a NUL': harmless([file('honest\0/../smuggled')]),
  'keys that mean something to JavaScript': harmless([
    pax(['__proto__', 'x'], ['constructor', 'y'], ['hasOwnProperty', '']),
    file('f'),
  ]),
  'a long name beside another in PAX': refused('MALFORMED', pax(['path', 'a']), longName('L', 'b'), rawHeader({})),
  'a prefix without a format that has one': refused('MALFORMED', rawHeader({ prefix: '../..', magic: 'v7' })),
  'a prefix where GNU has times': refused('MALFORMED', rawHeader({ prefix: '../..', magic: 'gnu' })),
  'an empty path in PAX': refused('MALFORMED', pax(['path', '']), rawHeader({})),
  'an empty size in PAX': refused('MALFORMED', pax(['size', '']), rawHeader({})),
  'two extended headers': refused('MALFORMED', pax(['path', 'a']), pax(['path', 'b']), rawHeader({})),
  'two long names': refused('MALFORMED', longName('L', 'a'), longName('L', 'b'), rawHeader({})),
  'two long targets': refused('MALFORMED', longName('K', 'a'), longName('K', 'b'), rawHeader({ type: '2' })),
  'an extended header of nothing': refused('MALFORMED', file('f'), pax(['path', 'a'])),
  'a long name of nothing': refused('MALFORMED', file('f'), longName('L', 'a')),
  'an empty long name': refused('MALFORMED', longName('L', ''), rawHeader({})),
  'a negative size': refused('MALFORMED', rawHeader({ size: base256(-1n, 12) })),
  'a negative size that goes back to its header': refused('MALFORMED', rawHeader({ size: base256(-512n, 12) })),
  'a size of 2⁶³': refused('MALFORMED', rawHeader({ size: base256(2n ** 63n - 1n, 12) })),
  'a negative size in PAX': refused('MALFORMED', pax(['size', '-1']), file('f')),
  'a size in PAX of no digits': refused('MALFORMED', pax(['size', '0x10']), file('f')),
  'a size in PAX with a space': refused('MALFORMED', pax(['size', ' 4']), file('f')),
  'a size in PAX with a sign': refused('MALFORMED', pax(['size', '+4']), file('f')),
  'a size in PAX of 2⁶⁴': refused('MALFORMED', pax(['size', '18446744073709551616']), file('f')),
  'a directory with data': refused('MALFORMED', rawEntry({ name: 'd', type: '5' }, 'data'), file('f')),
  'a directory with a size in PAX': refused(
    'MALFORMED',
    pax(['size', '512']),
    rawEntry({ name: 'd', type: '5', size: 0 }, 'x'),
  ),
  'a fifo with data': refused('MALFORMED', rawEntry({ name: 'p', type: '6' }, 'data')),
  'a record longer than its header': extended('99 path=a\n'),
  'a record of length 0': extended('0 path=a\n'),
  'a record of a negative length': extended('-10 path=a\n'),
  'a record of a length with zeros before it': harmless([
    rawEntry({ type: 'x' }, '00010 path=a\n'.replace('00010', '00013')),
    file('f'),
  ]),
  'a record of an endless length': extended(`${'9'.repeat(400)} path=a\n`),
  'a record without a newline': extended('10 path=ab'),
  'a record without an equal sign': extended('8 patha\n'),
  'a record without a key': extended('5 =a\n'),
  'a record that begins with a space': extended(' 10 path=a\n'),
  'bytes after the records': extended(Buffer.concat([paxRecord('path', 'a'), Buffer.alloc(3)])),
  'a key with a NUL': refused('MALFORMED', pax(['path\0', 'a']), file('f')),
  'a malformed global header': refused('MALFORMED', rawEntry({ type: 'g' }, 'junk'), file('f')),
  'an extended header of two gigabytes': refused('LIMIT_EXCEEDED', rawHeader({ type: 'x', size: 2 ** 31 })),
  'a long name of two gigabytes': refused('LIMIT_EXCEEDED', rawHeader({ type: 'L', size: 2 ** 31 })),
  'a global header of two gigabytes': refused('LIMIT_EXCEEDED', rawHeader({ type: 'g', size: 2 ** 31 })),
  'global headers without end': refused(
    'LIMIT_EXCEEDED',
    ...Array.from({ length: 1000 }, () => rawEntry({ type: 'g' })),
  ),
  'a wrong checksum': refused('MALFORMED', file('f'), rawHeader({ checksum: '000001\0 ' })),
  'letters in a size': refused('MALFORMED', rawHeader({ size: '0000000001z' })),
  'a digit that is not octal': refused('MALFORMED', rawHeader({ mode: '0000888' })),
  'a number of another base': refused('MALFORMED', rawHeader({ uid: Buffer.from([0xc0, 0, 0, 0, 0, 0, 0, 1]) })),
  'a file that ends early': {
    layers: () => [rawEntry({ name: 'f', size: 4096 }, 'x')],
    expect: { refused: 'MALFORMED' },
  },
  'a header that ends early': { layers: () => [file('f').subarray(0, 300)], expect: { refused: 'MALFORMED' } },
  'a header after half an end mark': refused('MALFORMED', file('f'), Buffer.alloc(512), file('g')),
  'another format': { layers: () => [Buffer.from('070701'.padEnd(1024, '0'))], expect: { refused: 'MALFORMED' } },
  'a page that says not found': {
    layers: () => [Buffer.from('<!DOCTYPE html>'.padEnd(600, ' '))],
    expect: { refused: 'MALFORMED' },
  },
}
