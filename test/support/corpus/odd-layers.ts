import { pax } from '../tar.ts'
import { type Row, type Table, valid } from './case.ts'
import { device, directory, fifo, file, hardlink, symlink } from './entries.ts'

const mark = (name: string): Buffer => file(name, '')

const makers: Readonly<Record<string, () => Buffer[]>> = {
  file: () => [file('x', 'x')],
  directory: () => [directory('x', { mode: 0o700 }), file('x/inside')],
  symlink: () => [symlink('x', 'target')],
  hardlink: () => [hardlink('x', 'target/f')],
  fifo: () => [fifo('x')],
  device: () => [device('x', '3', 1, 3)],
}

/** A named user may write, too: posix_acl_xattr.h. */
function withDefaultAcl(entry: Buffer): Buffer {
  const anybody = 2 ** 32 - 1
  const rows: readonly (readonly [tag: number, bits: number, id: number])[] = [
    [0x01, 7, anybody],
    [0x02, 7, 1000],
    [0x04, 5, anybody],
    [0x10, 7, anybody],
    [0x20, 5, anybody],
  ]
  const acl = Buffer.alloc(4 + 8 * rows.length)
  acl.writeUInt32LE(2)
  for (const [i, [tag, bits, id]] of rows.entries()) {
    acl.writeUInt16LE(tag, 4 + 8 * i)
    acl.writeUInt16LE(bits, 6 + 8 * i)
    acl.writeUInt32LE(id, 8 + 8 * i)
  }
  return Buffer.concat([pax(['SCHILY.xattr.system.posix_acl_default', acl]), entry])
}

/** Stacks in which layers meet: each is what a build could have made. */
export const oddLayers: Table = {
  'no entries in any layer': valid([], [], []),
  'an empty layer between two': valid([file('a')], [], [file('b')]),
  'the same layer twice': valid([file('a'), directory('d')], [file('a'), directory('d')]),
  '128 layers': valid(...Array.from({ length: 128 }, (_, i) => [file(`f${i}`), file('same', `${i}`)])),
  'an entry twice': valid([file('a', '1'), file('a', '2'), directory('d'), directory('d', { mode: 0o700 })]),
  'an entry under a file': valid([file('f'), file('f/x')]),
  'an entry under a file of a lower layer': valid([file('f')], [file('f/x/y')]),
  'parents that nobody made': valid([file('a/b/c/d')], [file('a/e')]),
  'parents after their children': valid([file('a/b'), directory('a', { mode: 0o700, mtime: 5 })]),
  'a directory that hands down access, and what a layer above puts into it': valid(
    [withDefaultAcl(directory('d')), withDefaultAcl(directory('e')), withDefaultAcl(directory('g'))],
    [file('d/f'), directory('d/sub'), symlink('d/l', 'f'), directory('e', { mode: 0o750 }), file('e/f')],
    [file('g/f'), file('g/.wh..wh..opq', '')],
  ),
  'a root that hands down access': valid([withDefaultAcl(directory('.'))], [file('f'), directory('d'), file('d/f')]),
  'a directory described again': valid(
    [directory('d', { mode: 0o700, uid: 5, mtime: 9 }), file('d/a')],
    [directory('d', { mode: 0o755, uid: 6, mtime: 10 })],
  ),
  'a parent that is a symlink of a lower layer': valid(
    [directory('usr/lib', { mode: 0o711 }), symlink('lib', 'usr/lib'), file('usr/lib/a')],
    [file('lib/b'), directory('lib/c'), file('usr/lib/d')],
  ),
  'a parent that is an absolute symlink': valid([directory('usr/lib'), symlink('lib', '/usr/lib')], [file('lib/b')]),
  'a parent that is a symlink past the root': valid(
    [directory('usr/lib'), symlink('lib', '../../usr/lib')],
    [file('lib/b')],
  ),
  'a parent that is a symlink to a symlink': valid(
    [directory('a/b'), symlink('l', 'a'), symlink('m', 'l/b')],
    [file('m/f')],
  ),
  'a symlink through a directory and back': valid([directory('a/b'), symlink('a/b/up', '../..')], [file('a/b/up/f')]),
  'a directory over a symlink': valid(
    [directory('usr/lib'), symlink('lib', 'usr/lib')],
    [directory('lib'), file('lib/b')],
  ),
  'a whiteout through a symlink': valid([file('usr/lib/a'), symlink('lib', 'usr/lib')], [mark('lib/.wh.a')]),
  'an opaque mark through a symlink': valid(
    [file('usr/lib/a'), symlink('lib', 'usr/lib')],
    [mark('lib/.wh..wh..opq'), file('lib/b')],
  ),
  'a symlink that an upper layer breaks': valid([directory('d'), symlink('l', 'd')], [mark('.wh.d')]),
  'a symlink to a symlink to a file': valid([file('f'), symlink('a', 'f'), symlink('b', 'a')]),
  'a chain of 40 symlinks': valid(
    [...Array.from({ length: 40 }, (_, i) => symlink(`l${i}`, i === 0 ? 'd' : `l${i - 1}`)), directory('d')],
    [file('l39/f')],
  ),
  'a whiteout': valid([file('a'), file('b')], [mark('.wh.a')]),
  'a whiteout of a directory': valid([file('d/a'), file('d/b/c')], [mark('.wh.d')]),
  'a whiteout, then the same name': valid([file('a', '1')], [mark('.wh.a'), file('a', '2')]),
  'a name, then its whiteout': valid([file('a', '1')], [file('a', '2'), mark('.wh.a')]),
  'a whiteout, then the name again above': valid([file('a', '1')], [mark('.wh.a')], [file('a', '3')]),
  'a whiteout of what its own layer brings': valid([], [file('d/new'), mark('.wh.d')]),
  'a whiteout beside what its own layer adds': valid(
    [directory('d', { mode: 0o700 }), file('d/old')],
    [file('d/new'), mark('.wh.d')],
  ),
  'an opaque directory': valid([file('d/a'), file('d/b/c')], [directory('d'), mark('d/.wh..wh..opq'), file('d/n')]),
  'an opaque mark after its siblings': valid([file('d/a')], [file('d/n'), mark('d/.wh..wh..opq')]),
  'an opaque mark in a lower directory': valid([file('d/e/a'), file('d/b')], [mark('d/e/.wh..wh..opq')]),
  'an opaque root': valid([file('a'), file('d/b')], [mark('.wh..wh..opq'), file('n')]),
  'an opaque root of the lowest layer': valid([mark('.wh..wh..opq'), file('a')]),
  'two opaque layers': valid(
    [file('d/a')],
    [mark('d/.wh..wh..opq'), file('d/b')],
    [mark('d/.wh..wh..opq'), file('d/c')],
  ),
  'a whiteout of a symlink': valid([file('t/a'), symlink('l', 't')], [mark('.wh.l')]),
  'a hardlink': valid([file('a'), hardlink('b', 'a'), hardlink('d/c', 'b')]),
  'a hardlink to a lower layer': valid([file('a')], [hardlink('b', 'a')]),
  'a hardlink by an absolute name': valid([file('d/a')], [hardlink('b', '/d/a')]),
  'a hardlink by climbing': valid([file('a')], [hardlink('d/b', '../../a')]),
  'a hardlink through a symlink of a lower layer': valid(
    [file('usr/lib/a'), symlink('lib', 'usr/lib')],
    [hardlink('lib/b', 'lib/a')],
  ),
  'a hardlink to a symlink': valid([symlink('l', 'nowhere'), hardlink('m', 'l')]),
  'a hardlink to a fifo and a device': valid([
    fifo('p'),
    hardlink('q', 'p'),
    device('n', '3', 1, 3),
    hardlink('o', 'n'),
  ]),
  // Where devices can't be made, the links to them can't either.
  'a hardlink to a device of a lower layer': valid(
    [device('dev/n', '3', 1, 3), hardlink('dev/m', 'dev/n'), directory('d')],
    [hardlink('n2', 'dev/n'), hardlink('d/m2', '/dev/m'), hardlink('dev/n', 'dev/m')],
    [hardlink('n3', 'n2'), hardlink('dev/n4', 'dev/n')],
  ),
  'a hardlink to a device over a file of a lower layer': valid(
    [file('f', '1'), device('n', '3', 1, 3)],
    [hardlink('f', 'n')],
    [hardlink('g', 'f')],
  ),
  'a file over a device, and a link to it': valid(
    [device('dev/n', '3', 1, 3)],
    [file('dev/n', '1'), hardlink('a', 'dev/n')],
    [hardlink('b', 'dev/n')],
  ),
  'a hardlink whose target goes': valid([file('a'), hardlink('b', 'a')], [mark('.wh.a')]),
  'a hardlink whose target is replaced': valid([file('a', '1'), hardlink('b', 'a')], [file('a', '2')]),
  'a hardlink whose target is replaced at once': valid([file('a', '1'), hardlink('b', 'a'), file('a', '2')]),
  'a hardlink to itself that is there': valid([file('a')], [hardlink('a', 'a')]),
  'a hardlink over a file': valid([file('a', '1'), file('b', '2')], [hardlink('b', 'a')]),
  'a hardlink of other attributes': valid([
    file('a', 'x', { mode: 0o600, uid: 5 }),
    hardlink('b', 'a', { mode: 0o777, uid: 6 }),
  ]),
  ...changes(),
}

/** Each type over each other. */
function changes(): Table {
  const base = [file('target/f')]
  const rows = Object.entries(makers).flatMap(([from, below]) =>
    Object.entries(makers).map(([to, above]): [string, Row] => [
      `${to} over ${from}`,
      valid([...base, ...below()], above()),
    ]),
  )
  return Object.fromEntries(rows)
}
