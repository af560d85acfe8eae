import { base256, longName, pax, paxRecord, rawEntry, rawHeader } from '../tar.ts'
import { type Table, valid, validBytes } from './case.ts'
import { device, directory, fifo, file, hardlink, symlink } from './entries.ts'

const long = 'n'.repeat(200)
const join =
  (...parts: Uint8Array[]) =>
  (): Buffer =>
    Buffer.concat(parts)

/** For one more user, as the kernel has it. */
const accessList = '0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000000ffffffff'

/** Archives that are right and rarely seen. */
export const oddTars: Table = {
  'no bytes': validBytes(() => Buffer.alloc(0)),
  'an end mark only': valid([]),
  'no end mark': validBytes(join(file('f'))),
  'half an end mark': validBytes(join(file('f'), Buffer.alloc(512))),
  'an end mark of a megabyte': validBytes(join(file('f'), Buffer.alloc(2 ** 20))),
  'an end mark and a part of a block': validBytes(join(file('f'), Buffer.alloc(1300))),
  'the oldest format': valid([
    rawEntry({ name: 'f', type: '\0', magic: 'v7' }, 'x'),
    rawEntry({ name: 'd/', type: '\0', magic: 'v7' }),
    rawEntry({ name: 'l', type: '2', link: 'f', magic: 'v7' }),
  ]),
  'a contiguous file': valid([file('f', 'x', { type: '7' })]),
  'a directory of the oldest type': valid([file('d/', '', { type: '\0' })]),
  'a prefix': valid([
    rawEntry({ prefix: 'a/b', name: 'c' }, 'x'),
    rawEntry({ prefix: 'p'.repeat(155), name: 'n'.repeat(100) }, 'x'),
  ]),
  'a name of 100 bytes': valid([rawEntry({ name: 'n'.repeat(100) }, 'x')]),
  'a name of 255 bytes': valid([file('n'.repeat(255))]),
  'a path of 1,024 components': valid([directory(Array.from({ length: 1024 }, () => 'd').join('/'))]),
  'a path of 4,000 bytes': valid([file(`${long}/`.repeat(19) + long)]),
  'a GNU long name': valid([longName('L', `d/${long}`), rawEntry({ name: 'cut', magic: 'gnu' }, 'x')]),
  'a GNU long target': valid([longName('K', long), rawEntry({ name: 'l', type: '2', link: 'cut', magic: 'gnu' })]),
  'a GNU long name and target': valid([
    longName('K', `${long}/target`),
    longName('L', `${long}/name`),
    rawEntry({ type: '2', link: 'cut', magic: 'gnu' }),
  ]),
  'a GNU long name that is the PAX path': valid([longName('L', 'same'), pax(['path', 'same']), rawEntry({}, 'x')]),
  'a target of 4,095 bytes': valid([symlink('l', 't'.repeat(4095))]),
  'bytes that are no text': valid([
    file(Buffer.from([0xff, 0xfe])),
    file(Buffer.from([0x66, 0xff])),
    file('\u00e9'),
    file('e\u0301'),
  ]),
  'a target that is no text': valid([symlink('l', Buffer.from([0xc3, 0x28]))]),
  'PAX names that are no text': valid([
    pax(['path', Buffer.from([0xff, 0x2f, 0xfe])], ['linkpath', Buffer.from([0xfd])]),
    rawEntry({ type: '2', link: 'x' }),
  ]),
  'names of blanks and signs': valid([
    file(' '),
    file('a b '),
    file('\t'),
    file('a\nb'),
    file('"'),
    file("'"),
    file('$(x)'),
    file('#'),
  ]),
  'names that almost are marks': valid([file('.wh'), file('wh.a'), file('.whatever'), file('.WH.a'), file('a.wh.b')]),
  'names that differ in case': valid([file('a', '1'), file('A', '2'), directory('B'), file('b', '3')]),
  'names with dots and slashes to spare': valid([
    file('./a'),
    file('.//b//c'),
    directory('./d/./e//'),
    file('/f'),
    file('g/../h'),
  ]),
  'numbers with blanks': valid([
    rawHeader({ name: 'f', uid: '   17 \0', gid: '17\0', mode: '   644 \0', size: '          0 ' }),
  ]),
  'numbers that fill their fields': valid([rawHeader({ name: 'f', uid: '00000017', mode: '00000644' })]),
  'empty numbers': valid([rawHeader({ name: 'f', uid: '', gid: '       ', mtime: '' })]),
  'ids in base 256': valid([file('f', 'x', { uid: base256(2n ** 32n - 2n, 8), gid: base256(70_000n, 8) })]),
  'a size in base 256': valid([rawEntry({ name: 'f', size: base256(1000n, 12) }, 'x'.repeat(1000))]),
  'a time before 1970': valid([file('f', 'x', { mtime: base256(-86_400n, 12) })]),
  'a time after 2106': valid([file('f', 'x', { mtime: 0o77777777777 })]),
  'a checksum of signed bytes': valid([signed()]),
  nanoseconds: valid([
    pax(['mtime', '1700000000.123456789']),
    file('a'),
    pax(['mtime', '1.5']),
    directory('b'),
    pax(['mtime', '1.000000001']),
    symlink('c', 'a'),
  ]),
  'nanoseconds before 1970': valid([pax(['mtime', '-1.25']), file('a'), pax(['mtime', '-0.5']), file('b')]),
  'more digits than nanoseconds': valid([pax(['mtime', '1.0000000019999']), file('a')]),
  'other times': valid([pax(['atime', '5.5'], ['ctime', '6.5'], ['LIBARCHIVE.creationtime', '7']), file('a')]),
  'ids in PAX': valid([pax(['uid', '4294967294'], ['gid', '100000']), file('f', 'x', { uid: 1 })]),
  'a size in PAX': valid([pax(['size', '5']), rawEntry({ name: 'f', size: 0 }, 'hello'), file('g')]),
  'a record twice': valid([pax(['path', 'p'], ['path', 'q']), rawEntry({ name: 'h' }, 'x')]),
  'an extended header of no records': valid([rawEntry({ type: 'x' }), file('f')]),
  'a comment': valid([
    rawEntry({ type: 'g' }, paxRecord('comment', 'made by hand')),
    pax(['comment', 'a\nb']),
    file('f'),
  ]),
  'records of other programs': valid([
    pax(
      ['LIBARCHIVE.xattr.user.a', 'YQ'],
      ['SCHILY.fflags', 'none'],
      ['MSWINDOWS.rawsd', 'x'],
      ['hdrcharset', 'BINARY'],
    ),
    file('f'),
  ]),
  attributes: valid([
    pax(
      ['SCHILY.xattr.user.a', 'b\nc=d'],
      ['SCHILY.xattr.user.empty', ''],
      ['SCHILY.xattr.trusted.t', Buffer.from([0, 255, 10])],
    ),
    file('f'),
    pax(['SCHILY.xattr.user.d', 'x']),
    directory('d'),
    pax(['SCHILY.xattr.trusted.l', 'x']),
    symlink('l', 'f'),
  ]),
  'a file capability': valid([
    pax(['SCHILY.xattr.security.capability', Buffer.from('0100000200040000000000000000000000000000', 'hex')]),
    file('ping', 'x', { mode: 0o755, uid: 5 }),
  ]),
  'an access list': valid([
    pax(['SCHILY.xattr.system.posix_acl_access', Buffer.from(accessList, 'hex')]),
    file('f', 'x', { mode: 0o640 }),
  ]),
  'an attribute of 65,535 bytes': {
    ...valid([pax(['SCHILY.xattr.trusted.big', Buffer.alloc(65_535, 'x')]), file('f')]),
  },
  'special files': valid([
    fifo('p'),
    device('null', '3', 1, 3),
    device('disk', '4', 259, 70_000),
    hardlink('n', 'null'),
  ]),
  'modes of all kinds': valid([
    file('s', 'x', { mode: 0o6755, uid: 1000, gid: 1000 }),
    directory('t', { mode: 0o1777 }),
    directory('g', { mode: 0o2775, gid: 50 }),
    file('z', 'x', { mode: 0 }),
    file('w', 'x', { mode: 0o222 }),
  ]),
  'a file with a type in its mode': valid([file('f', 'x', { mode: 0o100644 }), directory('d', { mode: 0o040755 })]),
  'the root': valid([directory('./', { mode: 0o700, uid: 5, gid: 6, mtime: 7 }), file('./f')]),
  'sizes around a block': valid(
    [0, 1, 511, 512, 513, 1024, 4096, 4097].map(size => file(`f${size}`, 'x'.repeat(size))),
  ),
  'an old sparse file': valid([
    rawEntry(
      { name: 'f', type: 'S', magic: 'gnu', patch: [...region(0, 0, 2), ...region(1, 1000, 3), [483, octal(5000)]] },
      'abcde',
    ),
    file('after'),
  ]),
  'an old sparse file of holes': valid([rawEntry({ name: 'f', type: 'S', magic: 'gnu', patch: [[483, octal(5000)]] })]),
  'a sparse file, version 0.0': valid([
    pax(
      ['GNU.sparse.size', '1000'],
      ['GNU.sparse.numblocks', '2'],
      ['GNU.sparse.offset', '0'],
      ['GNU.sparse.numbytes', '2'],
      ['GNU.sparse.offset', '500'],
      ['GNU.sparse.numbytes', '3'],
    ),
    rawEntry({ name: 'f' }, 'abcde'),
  ]),
  'a sparse file, version 0.1': valid([
    pax(
      ['GNU.sparse.size', '1000'],
      ['GNU.sparse.numblocks', '2'],
      ['GNU.sparse.name', 'f'],
      ['GNU.sparse.map', '10,2,500,3'],
    ),
    rawEntry({ name: 'GNUSparseFile.1/f' }, 'abcde'),
  ]),
  'a sparse file, version 1.0': valid([
    pax(
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', 'f'],
      ['GNU.sparse.realsize', '1000'],
    ),
    rawEntry(
      { name: 'GNUSparseFile.1/f' },
      Buffer.concat([Buffer.from('2\n10\n2\n500\n3\n'.padEnd(512, '\0')), Buffer.from('abcde')]),
    ),
    file('after'),
  ]),
}

function region(i: number, offset: number, length: number): [number, string][] {
  return [
    [386 + 24 * i, octal(offset)],
    [398 + 24 * i, octal(length)],
  ]
}

function octal(value: number): string {
  return value.toString(8).padStart(11, '0')
}

/** As programs did whose bytes had signs. */
function signed(): Buffer {
  const name = Buffer.from([0xc3, 0xa9])
  const sum = Number.parseInt(rawHeader({ name }).toString('latin1', 148, 154), 8) - 512
  return rawHeader({ name, checksum: `${sum.toString(8).padStart(6, '0')}\0 ` })
}
