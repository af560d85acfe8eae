import { longName, pax, rawEntry } from '../tar.ts'
import { attack, attackOf, harmless, refused, type Table } from './case.ts'
import { climb, device, directory, fifo, file, hardlink, symlink } from './entries.ts'

const deep = Array.from({ length: 1000 }, () => 'd').join('/')

/** Symlinks that lead out of the root, for whatever comes after them. */
export const symlinks: Table = {
  'a file through an absolute link': attack('new', s => [symlink('l', s), file('l/new')]),
  'a file over another through a link': attack('secret', s => [symlink('l', s), file('l/secret')]),
  'a file through a climbing link': attack('new', s => [symlink('l', climb(s)), file('l/new')]),
  'a file through a link to the root': attack('new', s => [symlink('l', '/'), file(`l${s}/new`)]),
  'a file through a link in a directory': attack('new', s => [
    directory('d'),
    symlink('d/l', climb(s)),
    file('d/l/new'),
  ]),
  'a file through three links': attack('new', s => [
    symlink('a', '../'.repeat(16)),
    symlink('b', 'a'),
    symlink('c', `b${s}`),
    file('c/new'),
  ]),
  'a file by climbing from a link to here': attack('new', s => [symlink('x', '.'), file(`x/x/x/${climb(s)}/new`)]),
  'a link that is inside only by its words': attack('new', s => [
    directory('a/b'),
    symlink('a/b/l', '../..'),
    symlink('m', `a/b/l/${climb(s)}`),
    file('m/new'),
  ]),
  'a file through links of two layers': attackOf('new', s => [[symlink('a', s)], [symlink('b', 'a')], [file('b/new')]]),
  'a file through a link of a lower layer': attackOf('new', s => [[symlink('l', s)], [file('l/new')]]),
  'a directory over a link of a lower layer': attackOf('sub', s => [
    [symlink('l', `${s}/sub`)],
    [directory('l', { mode: 0o777, uid: 99 }), file('l/new')],
  ]),
  'a file over a link to a file': attack('secret', s => [symlink('l', `${s}/secret`), file('l')]),
  'a file over a link to nothing': attack('missing', s => [symlink('l', `${s}/missing`), file('l')]),
  'a file through a link to nothing': harmless([symlink('l', '/nowhere/at/all'), file('l/new')]),
  'a directory over a link to a directory': attack('sub', s => [
    symlink('l', `${s}/sub`),
    directory('l', { mode: 0o777, uid: 99, mtime: 1 }),
  ]),
  'a directory in a link': attack('sub', s => [symlink('l', s), directory('l/sub', { mode: 0o777 })]),
  'a new directory in a link': attack('made', s => [symlink('l', s), directory('l/made/more')]),
  'a symlink in a link': attack('link', s => [symlink('l', s), symlink('l/link', '/etc')]),
  'a hardlink in a link': attack('hard', s => [symlink('l', s), file('f'), hardlink('l/hard', 'f')]),
  'a fifo in a link': attack('pipe', s => [symlink('l', s), fifo('l/pipe')]),
  'a fifo over a file in a link': attack('secret', s => [symlink('l', s), fifo('l/secret')]),
  'a device in a link': attack('disk', s => [symlink('l', s), device('l/disk', '4', 8, 0)]),
  'a file in a link by two slashes': attack('new', s => [symlink('l', s), file('l//new')]),
  'a file in a link by a dot': attack('new', s => [symlink('l', s), file('l/./new')]),
  'the attributes of a link by a dot': attack('', s => [symlink('l', s), directory('l/.', { mode: 0o777 })]),
  'a file beside what a link leads to': attack('new', s => [symlink('l', `${s}/sub`), file('l/../new')]),
  'a directory that becomes a link': attack('new', s => [directory('d'), file('d/a'), symlink('d', s), file('d/new')]),
  'a directory that becomes a link, by other spellings': attack('new', s => [
    directory('d/'),
    file('./d/a'),
    symlink('d', s),
    file('d//new'),
  ]),
  'a directory of a lower layer that becomes a link': attackOf('new', s => [
    [directory('d'), file('d/a')],
    [symlink('d', s), file('d/new')],
  ]),
  'a link that is replaced by another': attack('new', s => [
    directory('e'),
    symlink('d', 'e'),
    file('d/a'),
    symlink('d', s),
    file('d/new'),
  ]),
  'a link to the working directory': attack('cwd/secret', () => [symlink('l', '/proc/self/cwd'), file('l/secret')]),
  'a link by way of the process': attack('new', s => [symlink('l', `/proc/self/root${s}`), file('l/new')]),
  "a link's own attributes": attack('secret', s => [symlink('l', `${s}/secret`, { mode: 0o777, uid: 99 })]),
  "a link's own time": attack('secret', s => [symlink('l', `${s}/secret`, { mtime: 1 })]),
  "a link's own xattrs": attack('secret', s => [pax(['SCHILY.xattr.trusted.davit', 'x']), symlink('l', `${s}/secret`)]),
  'a link as a hardlink, then a file in it': attack('new', s => [symlink('l', s), hardlink('h', 'l'), file('h/new')]),
  'a PAX target that climbs': attack('new', s => [
    pax(['linkpath', climb(s)]),
    rawEntry({ name: 'l', type: '2', link: 'safe' }),
    file('l/new'),
  ]),
  'a GNU long target that climbs': attack('new', s => [
    longName('K', climb(s)),
    rawEntry({ name: 'l', type: '2', link: 'safe', magic: 'gnu' }),
    file('l/new'),
  ]),
  'a link by a name with a slash at its end': harmless([symlink('l/', '/nowhere'), file('l/new')]),
  'links deeper than a path may be long': attack('new', s => [...deepLinks(s), file('escape/new')]),
  'a link that climbs, then a link through it': attack('new', s => [
    symlink('up', '../'.repeat(16)),
    symlink('l', `up/${s.slice(1)}/sub/..`),
    file('l/new'),
  ]),
  'many links to one place': attack('new', s => [
    ...Array.from({ length: 30 }, (_, i) => symlink(`l${i}`, i === 0 ? s : `l${i - 1}`)),
    file('l29/new'),
  ]),
  'a tree deeper than a path may be, by a link': refused(
    'LIMIT_EXCEEDED',
    directory(deep),
    symlink('l', deep),
    file(`l/${deep}/f`),
  ),
  'a file deeper than a path may be, by a link': refused(
    'LIMIT_EXCEEDED',
    directory(deep),
    symlink('l', deep),
    file(`l/${'d/'.repeat(23)}d`),
    file(`l/${'d/'.repeat(24)}f`),
  ),
  'a name that is too long in a link': refused('LIMIT_EXCEEDED', symlink('l', 'n'.repeat(256)), file('l/f')),
  'marks in a name that is too long': harmless([
    symlink('l', 'n'.repeat(256)),
    file('l/.wh.f'),
    file('l/.wh..wh..opq'),
  ]),
  'a hardlink through a name that is too long': refused(
    'MALFORMED',
    symlink('l', `/n/${'n'.repeat(256)}`),
    hardlink('h', 'l/f'),
  ),
  'a link that leads to itself': refused('MALFORMED', symlink('l', 'l'), file('l/new')),
  'links in a circle': refused('MALFORMED', symlink('a', 'b'), symlink('b', 'a'), file('a/new')),
  'links in a circle by way of a directory': refused(
    'MALFORMED',
    directory('d'),
    symlink('d/a', '../b'),
    symlink('b', 'd/a'),
    file('b/new'),
  ),
  'a chain of 41 links': refused(
    'MALFORMED',
    ...Array.from({ length: 41 }, (_, i) => symlink(`l${i}`, i === 0 ? '.' : `l${i - 1}`)),
    file('l40/new'),
  ),
  'a target of 4,096 bytes': refused('LIMIT_EXCEEDED', symlink('l', 't'.repeat(4096))),
  'no target': refused('MALFORMED', symlink('l', '')),
  'a NUL in a PAX target': refused('MALFORMED', pax(['linkpath', 'a\0b']), symlink('l', 'x')),
  'a NUL in a GNU long target': refused('MALFORMED', longName('K', 'a\0b'), symlink('l', 'x')),
  'a link with data': refused('MALFORMED', rawEntry({ name: 'l', type: '2', link: 'x' }, 'data')),
}

/** Each link is short; what they stand for together is longer than PATH_MAX, where text-based checks give up. */
function deepLinks(sentinel: string): Buffer[] {
  const entries: Buffer[] = []
  const long = 'd'.repeat(247)
  let path = ''
  for (const step of 'abcdefghijklmnop') {
    entries.push(directory(`${path}${long}`), symlink(`${path}${step}`, long))
    path += `${long}/`
  }
  const short = [...'abcdefghijklmnop'].join('/')
  const up = 'l'.repeat(254)
  entries.push(symlink(`${short}/${up}`, '../'.repeat(16)), symlink('escape', `${short}/${up}/${climb(sentinel)}`))
  return entries
}
