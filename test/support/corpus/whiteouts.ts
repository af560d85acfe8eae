import { longName, pax, rawEntry } from '../tar.ts'
import { attack, attackOf, harmless, refused, type Table } from './case.ts'
import { climb, directory, fifo, file, hardlink, symlink } from './entries.ts'

const mark = (name: string): Buffer => file(name, '')

/** Marks that remove what is not below the root, or that name no file. */
export const whiteouts: Table = {
  'of a file by climbing': attack('secret', s => [mark(`${climb(s)}/.wh.secret`)]),
  'of a file by an absolute name': attack('secret', s => [mark(`${s}/.wh.secret`)]),
  'of a directory by climbing': attack('sub', s => [mark(`${climb(s)}/.wh.sub`)]),
  'of a file through a link': attack('secret', s => [symlink('l', s), mark('l/.wh.secret')]),
  'of a file through a link of a lower layer': attackOf('secret', s => [[symlink('l', s)], [mark('l/.wh.secret')]]),
  'of a file through links of two layers': attackOf('secret', s => [
    [symlink('l', climb(s))],
    [symlink('m', 'l')],
    [mark('m/.wh.secret')],
  ]),
  'of a directory through a link': attackOf('sub', s => [[symlink('l', s)], [mark('l/.wh.sub')]]),
  'of what a link leads to by two dots': attack('sub', s => [
    symlink('l', `${s}/home`),
    mark('l/../.wh.sub'),
    mark('x'),
  ]),
  'by a GNU long name': attack('secret', s => [longName('L', `${climb(s)}/.wh.secret`), mark('x')]),
  'by a PAX path': attack('secret', s => [pax(['path', `${climb(s)}/.wh.secret`]), mark('x')]),
  'in the working directory': attackOf('cwd/secret', () => [[symlink('l', '/proc/self/cwd')], [mark('l/.wh.secret')]]),
  'of a link to a directory': harmless([symlink('l', '/tmp')], [mark('.wh.l')]),
  'of a directory full of links': harmless([symlink('d/l', '/tmp'), symlink('d/m', '/etc/passwd')], [mark('.wh.d')]),
  'opaque by climbing': attack('sub/inner', s => [mark(`${climb(s)}/sub/.wh..wh..opq`)]),
  'opaque by an absolute name': attack('sub/inner', s => [mark(`${s}/sub/.wh..wh..opq`)]),
  'opaque through a link': attack('sub/inner', s => [symlink('l', s), mark('l/sub/.wh..wh..opq')]),
  'opaque through a link of a lower layer': attackOf('secret', s => [[symlink('l', s)], [mark('l/.wh..wh..opq')]]),
  'of nothing': refused('MALFORMED', mark('.wh.')),
  'of a dot': refused('MALFORMED', mark('.wh..')),
  'of two dots': refused('MALFORMED', mark('.wh...')),
  'of nothing in a directory': refused('MALFORMED', directory('d'), mark('d/.wh.')),
  'of a dot in a directory': refused('MALFORMED', directory('d'), mark('d/.wh..')),
  'of two dots in a directory': refused('MALFORMED', directory('d'), mark('d/.wh...')),
  'of two dots through a link': {
    ...attack('sub', s => [symlink('l', `${s}/sub`), mark('l/.wh...')]),
    expect: { refused: 'MALFORMED' },
  },
  'of a dot through a link': {
    ...attack('sub', s => [symlink('l', `${s}/sub`), mark('l/.wh..')]),
    expect: { refused: 'MALFORMED' },
  },
  'of two dots by a directory entry': refused('MALFORMED', directory('.wh...')),
  'of two dots by a symlink': refused('MALFORMED', symlink('.wh...', 'x')),
  'of two dots by a hardlink': refused('MALFORMED', file('f'), hardlink('.wh...', 'f')),
  'of three dots': harmless([file('...')], [mark('.wh....')]),
  'a name that is too long': refused('LIMIT_EXCEEDED', mark(`.wh.${'n'.repeat(252)}`)),
  'with data': harmless([file('a')], [file('.wh.a', 'data that means nothing')]),
  'as a directory': harmless([file('a'), file('b/c')], [directory('.wh.a'), directory('b/.wh..wh..opq')]),
  'as a symlink': harmless([file('a')], [symlink('.wh.a', '/tmp')]),
  'as a fifo': harmless([file('a')], [fifo('.wh.a')]),
  'as a directory with something in it': harmless([file('a')], [directory('.wh.a'), file('.wh.a/b')]),
  "of a whiteout's name": harmless([file('a')], [mark('.wh..wh.a')]),
  "aufs's own files": harmless([mark('.wh..wh.aufs'), directory('.wh..wh.plnk'), directory('.wh..wh.orph')]),
  'in the lowest layer': harmless([mark('.wh.a'), mark('d/.wh..wh..opq'), file('b')]),
  'of what is not there': harmless([file('a')], [mark('.wh.b'), mark('no/such/.wh.c'), mark('a/.wh.d')]),
  'in a directory that is none': harmless([file('a')], [mark('a/.wh..wh..opq')]),
  'of everything by climbing': harmless([file('etc/a')], [mark('../../.wh.etc')]),
  'a device that is one to an overlay': refused('UNSAFE', rawEntry({ name: 'a', type: '3', major: 0, minor: 0 })),
  'a device that is one, without numbers': refused('MALFORMED', rawEntry({ name: 'a', type: '3', magic: 'v7' })),
}
