import { longName, pax, rawEntry } from '../tar.ts'
import { attack, attackOf, harmless, type Row, refused, type Table } from './case.ts'
import { climb, directory, file, hardlink, symlink } from './entries.ts'

/** Its target is missing in the root, and it is there for an extractor that looks elsewhere. */
function missing(escapes: string, parts: (sentinel: string) => readonly Uint8Array[]): Row {
  return { ...attack(escapes, parts), expect: { refused: 'MALFORMED' } }
}

/** Hardlinks to what lies outside, which a write, or the link's own attributes, then reaches. */
export const hardlinks: Table = {
  'an absolute target': missing('secret', s => [hardlink('h', `${s}/secret`), file('h')]),
  'a climbing target': missing('secret', s => [hardlink('h', climb(`${s}/secret`)), file('h')]),
  'a climbing target from a directory': missing('secret', s => [
    directory('d'),
    hardlink('d/h', climb(`${s}/secret`)),
    file('d/h'),
  ]),
  'a target through a link': missing('secret', s => [symlink('l', s), hardlink('h', 'l/secret'), file('h')]),
  'a target through two links': missing('secret', s => [
    symlink('l', climb(s)),
    symlink('m', 'l/sub'),
    hardlink('h', 'm/../secret'),
    file('h'),
  ]),
  'a target through a link of a lower layer': {
    ...attackOf('secret', s => [[symlink('l', s)], [hardlink('h', 'l/secret'), file('h')]]),
    expect: { refused: 'MALFORMED' },
  },
  'a target in the working directory': missing('cwd/secret', () => [hardlink('h', 'secret'), file('h')]),
  'a target by way of the process': missing('cwd/secret', () => [hardlink('h', '/proc/self/cwd/secret'), file('h')]),
  'a PAX target that climbs': missing('secret', s => [
    pax(['linkpath', climb(`${s}/secret`)]),
    rawEntry({ name: 'h', type: '1', link: 'safe' }),
    file('h'),
  ]),
  'a GNU long target that climbs': missing('secret', s => [
    longName('K', climb(`${s}/secret`)),
    rawEntry({ name: 'h', type: '1', link: 'safe', magic: 'gnu' }),
    file('h'),
  ]),
  'the mode of a hardlink to a symlink': attack('secret', s => [
    symlink('l', `${s}/secret`, { mtime: 1_000_000_000 }),
    hardlink('h', 'l', { mode: 0o777 }),
  ]),
  'the owner of a hardlink to a symlink': attack('secret', s => [
    symlink('l', `${s}/secret`),
    hardlink('h', 'l', { uid: 99, gid: 99 }),
  ]),
  'a file over a hardlink to a symlink': attack('secret', s => [
    symlink('l', `${s}/secret`),
    hardlink('h', 'l'),
    file('h'),
  ]),
  'a file in a hardlink to a symlink': attack('new', s => [symlink('l', s), hardlink('h', 'l'), file('h/new')]),
  'a hardlink over a symlink': attack('secret', s => [
    symlink('l', `${s}/secret`),
    file('f'),
    hardlink('l', 'f', { mode: 0o777 }),
    file('l'),
    symlink('l', `${s}/secret`, { uid: 5 }),
  ]),
  'to itself': refused('MALFORMED', hardlink('h', 'h')),
  'to itself, by another spelling': refused('MALFORMED', hardlink('h', './/h/.')),
  'to a later entry': refused('MALFORMED', hardlink('h', 'f'), file('f')),
  'to nothing': refused('MALFORMED', hardlink('h', 'missing')),
  'to a directory': refused('MALFORMED', directory('d'), hardlink('h', 'd')),
  'to a directory through a link': harmless([directory('d'), symlink('l', 'd'), hardlink('h', 'l')]),
  'to the root': refused('MALFORMED', hardlink('h', '/')),
  'to the root by climbing': refused('MALFORMED', hardlink('h', '../..')),
  'to something in a file': refused('MALFORMED', file('f'), hardlink('h', 'f/x')),
  'to what it would replace': refused('MALFORMED', file('b/c'), hardlink('b', 'b/c')),
  'to a whiteout': refused('MALFORMED', file('.wh.x', ''), hardlink('h', '.wh.x')),
  'through links in a circle': refused('MALFORMED', symlink('a', 'b'), symlink('b', 'a'), hardlink('h', 'a/f')),
  'to what its layer removes first': {
    layers: () => [file('a'), Buffer.concat([file('.wh.a', ''), hardlink('b', 'a')])],
    expect: { refused: 'MALFORMED' },
  },
  'to what a layer between removes': {
    layers: () => [file('a'), file('.wh.a', ''), hardlink('b', 'a')],
    expect: { refused: 'MALFORMED' },
  },
  'without a target': refused('MALFORMED', hardlink('h', '')),
  'with data': refused('MALFORMED', file('f'), rawEntry({ name: 'h', type: '1', link: 'f' }, 'data')),
  'with a size in PAX': refused(
    'MALFORMED',
    file('f'),
    pax(['size', '4']),
    rawEntry({ name: 'h', type: '1', link: 'f' }),
  ),
  'a NUL in its target': refused('MALFORMED', file('a'), pax(['linkpath', 'a\0b']), hardlink('h', 'a')),
  'a target of 4,096 bytes': refused('LIMIT_EXCEEDED', hardlink('h', 'a/'.repeat(2048))),
  'a target with a component of 256 bytes': refused('LIMIT_EXCEEDED', hardlink('h', 't'.repeat(256))),
  'a name in the target of another': harmless([file('f'), hardlink('d/g', 'f'), hardlink('h', 'd/g')]),
}
