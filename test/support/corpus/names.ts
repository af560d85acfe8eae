import { longName, pax, rawEntry, rawHeader } from '../tar.ts'
import { attack, harmless, refused, type Table } from './case.ts'
import { climb, device, directory, fifo, file, hardlink, symlink } from './entries.ts'

const deep = (depth: number): string => Array.from({ length: depth }, () => 'd').join('/')

/** Names that lead out of the root, and names that are none. */
export const names: Table = {
  'a file by climbing': attack('new', s => [file(`${climb(s)}/new`)]),
  'a file over another by climbing': attack('secret', s => [file(`${climb(s)}/secret`)]),
  'a file by climbing from the root': attack('new', s => [file(`/${climb(s)}/new`)]),
  'a file by climbing from a directory': attack('new', s => [directory('a'), file(`a/${climb(s)}/new`)]),
  'a file by climbing past dots and slashes': attack('new', s => [file(`././/${climb(s)}/./new`)]),
  'a file by an absolute name': attack('new', s => [file(`${s}/new`)]),
  'a file over another by an absolute name': attack('secret', s => [file(`/${s}/secret`)]),
  'a directory by climbing': attack('made', s => [directory(`${climb(s)}/made`)]),
  "a directory's attributes by climbing": attack('sub', s => [directory(`${climb(s)}/sub`, { mode: 0o777, uid: 99 })]),
  "a directory's attributes by an absolute name": attack('sub', s => [directory(`${s}/sub/`, { mode: 0o777 })]),
  'a directory of old by climbing': attack('old', s => [file(`${climb(s)}/old/`, '', { type: '\0' })]),
  'a symlink by climbing': attack('planted', s => [symlink(`${climb(s)}/planted`, '/etc')]),
  'a symlink over a file by climbing': attack('secret', s => [symlink(`${climb(s)}/secret`, '/etc')]),
  'a hardlink by climbing': attack('hard', s => [file('f'), hardlink(`${climb(s)}/hard`, 'f')]),
  'a fifo by climbing': attack('pipe', s => [fifo(`${climb(s)}/pipe`)]),
  'a device by climbing': attack('null', s => [device(`${climb(s)}/null`, '3', 1, 3)]),
  'a contiguous file by climbing': attack('new', s => [file(`${climb(s)}/new`, 'x', { type: '7' })]),
  'a file of the oldest type by climbing': attack('new', s => [file(`${climb(s)}/new`, 'x', { type: '\0' })]),
  'a GNU long name that climbs': attack('new', s => [longName('L', `${climb(s)}/new`), rawEntry({}, 'x')]),
  'a PAX path that climbs': attack('new', s => [pax(['path', `${climb(s)}/new`]), rawEntry({}, 'x')]),
  'a PAX path that is absolute': attack('new', s => [pax(['path', `${s}/new`]), rawEntry({ name: 'ok' }, 'x')]),
  'a prefix that climbs': attack('new', s => [rawEntry({ prefix: climb(s), name: 'new' }, 'x')]),
  'a sparse file of old that climbs': attack('new', s => [
    longName('L', `${climb(s)}/new`),
    rawEntry(
      {
        type: 'S',
        magic: 'gnu',
        patch: [
          [386, '00000000000\0'],
          [398, '00000000001\0'],
          [483, '00000000001\0'],
        ],
      },
      'x',
    ),
  ]),
  'a sparse name that climbs': attack('new', s => [
    pax(
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', `${climb(s)}/new`],
      ['GNU.sparse.realsize', '1'],
    ),
    rawEntry(
      { name: 'GNUSparseFile.0/new' },
      Buffer.concat([Buffer.from('1\n0\n1\n'.padEnd(512, '\0')), Buffer.from('x')]),
    ),
  ]),
  'thousands of directories, then climbing': harmless([file(`${deep(2000)}/${'../'.repeat(2016)}tmp/new`)]),
  'two dots as the name of a directory': harmless([directory('..', { mode: 0o700 })]),
  'backslashes and drive letters': harmless([
    file('..\\..\\new'),
    file('C:\\new'),
    file('c:/new'),
    file('\\\\host\\new'),
  ]),
  'names that look like options': harmless([file('-rf'), file('--checkpoint-action=exec=sh'), file('--'), file('*')]),
  'names that act on a terminal': harmless([file('\x1b[31mred'), file('a\nb'), file('\r\b\b'), file('\u202etxt')]),
  'names that mean something to JavaScript': harmless([
    file('__proto__/x'),
    file('constructor'),
    file('toString/a'),
    directory('hasOwnProperty'),
  ]),
  'an empty name': refused('UNSAFE', rawEntry({ name: '' }, 'x')),
  'a file whose name ends in a slash': refused('MALFORMED', file('d/', '')),
  'a contiguous file whose name ends in a slash': refused('MALFORMED', file('d/', '', { type: '7' })),
  'a component of 256 bytes': refused('LIMIT_EXCEEDED', file('n'.repeat(256))),
  'a component of 256 bytes in the middle': refused('LIMIT_EXCEEDED', file(`a/${'n'.repeat(256)}/b`)),
  'a path of 1,025 components': refused('LIMIT_EXCEEDED', file(deep(1025))),
  'a PAX path of a megabyte': refused('LIMIT_EXCEEDED', pax(['path', `${'a/'.repeat(520_000)}b`]), rawHeader({})),
  'a NUL in a PAX path': refused('MALFORMED', pax(['path', 'safe\0/../../x']), rawHeader({})),
  'a NUL in a GNU long name': refused('MALFORMED', longName('L', 'safe\0/../../x'), rawHeader({})),
  'a NUL in a sparse name': refused(
    'MALFORMED',
    pax(['GNU.sparse.name', 'a\0b'], ['GNU.sparse.size', '0']),
    rawHeader({}),
  ),
  ...rootEntries(),
}

/** The root can only be a directory. */
function rootEntries(): Table {
  const rows = ['.', './.', 'a/..', '..'].flatMap(name => [
    [`a file as the root ${name}`, refused('UNSAFE', rawEntry({ name }, 'x'))] as const,
    [`a fifo as the root ${name}`, refused('UNSAFE', rawEntry({ name, type: '6' }))] as const,
    [`a device as the root ${name}`, refused('UNSAFE', rawEntry({ name, type: '3', major: 1, minor: 3 }))] as const,
    [`a hardlink as the root ${name}`, refused('UNSAFE', file('f'), rawEntry({ name, type: '1', link: 'f' }))] as const,
    [
      `a symlink as the root ${name}`,
      {
        ...refused('UNSAFE'),
        layers: (s: string) => [Buffer.concat([rawEntry({ name, type: '2', link: s }), file('new')])],
      },
    ] as const,
  ])
  return Object.fromEntries(rows)
}
