import { base256, pax, rawEntry } from '../tar.ts'
import { harmless, type Row, refused, type Table } from './case.ts'
import { device, directory, file, symlink } from './entries.ts'

function xattr(name: string, value: string | Uint8Array, on: Buffer = file('f')): Buffer {
  return Buffer.concat([pax([`SCHILY.xattr.${name}`, value]), on])
}

const forged = [
  'redirect',
  'opaque',
  'origin',
  'metacopy',
  'impure',
  'nlink',
  'upper',
  'uuid',
  'whiteouts',
  'overlay.opaque',
]

const ownerRecord = 'user.rootlesscontainers'
const rootOwns = Buffer.from([0x08, 0, 0x10, 0])

/** Owners, modes, times, devices and attributes that act beyond the file, or that no kernel can hold. */
export const attributes: Table = {
  ...each(forged, name => [
    `forged overlay state, ${name}`,
    harmless([file('d/hidden')], [xattr(`trusted.overlay.${name}`, 'y', directory('d')), file('d/a')]),
  ]),
  ...each(forged.slice(0, 4), name => [
    `forged overlay state of a user, ${name}`,
    harmless([file('d/hidden')], [xattr(`user.overlay.${name}`, 'y', directory('d')), file('d/a')]),
  ]),
  // Cut to a byte each, as a string of bytes would be written, their letters are those of overlayfs.
  ...each(['trusted.\u016fverlay.opaque', 'user.\u016fverlay.opaque', 'user.overlay\u012eopaque'], name => [
    `overlay state in letters of two bytes, ${name}`,
    harmless([file('d/hidden')], [xattr(name, 'y', directory('d')), file('d/a')]),
  ]),
  ...each(['security.selinux', 'security.ima', 'security.evm', 'system.nfs4_acl'], name => [
    `a label of the host, ${name}`,
    harmless([xattr(name, 'x')]),
  ]),
  // As davit writes down owners that it can't give: root, to whom the file doesn't belong.
  'a forged record of the owner': harmless(
    [xattr(ownerRecord, rootOwns, file('f', 'x', { uid: 1000, gid: 1000 }))],
    [xattr(ownerRecord, rootOwns, directory('d', { uid: 1000 })), file('f2'), xattr(ownerRecord, rootOwns, file('f'))],
  ),
  'attributes of no namespace': harmless([
    xattr('plain', 'x'),
    xattr('', 'x'),
    xattr('user.', 'x'),
    xattr('os2.a', 'x'),
  ]),
  'an attribute of 65,536 bytes': refused('LIMIT_EXCEEDED', xattr('user.big', Buffer.alloc(65_536))),
  'attributes of 128 KiB together': refused(
    'LIMIT_EXCEEDED',
    pax(...Array.from({ length: 3 }, (_, i) => [`SCHILY.xattr.user.${i}`, 'x'.repeat(50_000)] as const)),
    file('f'),
  ),
  'an attribute name of 256 bytes': refused('LIMIT_EXCEEDED', xattr(`user.${'n'.repeat(251)}`, 'x')),
  'a NUL in an attribute name': refused('MALFORMED', xattr('user.a\0b', 'x')),
  'an attribute name that is no text': refused(
    'MALFORMED',
    pax([Buffer.concat([Buffer.from('SCHILY.xattr.user.'), Buffer.from([0xff])]), 'x']),
    file('f'),
  ),
  'a disk': harmless([device('sda', '4', 8, 0)]),
  memory: harmless([device('mem', '3', 1, 1)]),
  'the last device': harmless([device('last', '4', 4095, 1_048_575)]),
  'a major number of 13 bits': refused('UNSAFE', device('d', '4', 4096, 0)),
  'a major number of 33 bits': refused('UNSAFE', device('d', '4', base256(2n ** 33n, 8), 0)),
  'a negative major number': refused('UNSAFE', device('d', '4', base256(-1n, 8), 0)),
  'a minor number of 21 bits': refused('UNSAFE', device('d', '3', 1, 1_048_576)),
  'a negative minor number': refused('UNSAFE', device('d', '3', 1, base256(-1n, 8))),
  'a setuid file of root': harmless([file('s', '#!/bin/sh\n', { mode: 0o6755 }), directory('d', { mode: 0o6777 })]),
  'more mode than there is': harmless([file('f', 'x', { mode: 0o177777 }), file('g', 'x', { mode: base256(-1n, 8) })]),
  'a mode of nothing': harmless([directory('d', { mode: 0 }), file('d/f', 'x', { mode: 0 })]),
  ...each(['uid', 'gid'], name => [
    `${name} 2³²−1, which means unchanged`,
    refused('UNSAFE', file('f', 'x', { [name]: base256(2n ** 32n - 1n, 8) })),
  ]),
  ...each(['uid', 'gid'], name => [
    `${name} 2³², which wraps to root`,
    refused('UNSAFE', file('f', 'x', { [name]: base256(2n ** 32n, 8) })),
  ]),
  ...each(['uid', 'gid'], name => [
    `a negative ${name}`,
    refused('UNSAFE', file('f', 'x', { [name]: base256(-1n, 8) })),
  ]),
  ...each(['uid', 'gid'], name => [`${name} 2³²−1 in PAX`, refused('UNSAFE', pax([name, '4294967295']), file('f'))]),
  'a uid in PAX that wraps': refused('UNSAFE', pax(['uid', '4294967296']), file('f')),
  'a uid in PAX of 2⁶⁴': refused('MALFORMED', pax(['uid', '18446744073709551616']), file('f')),
  'a negative uid in PAX': refused('MALFORMED', pax(['uid', '-1']), file('f')),
  'names of owners that are root': harmless([
    pax(['uname', 'root'], ['gname', 'root']),
    file('f', 'x', {
      uid: 1000,
      patch: [
        [265, 'root'],
        [297, 'root'],
      ],
    }),
  ]),
  'times at the ends of what is kept': harmless([
    file('a', 'x', { mtime: base256(-(2n ** 31n), 12) }),
    file('b', 'x', { mtime: base256(2n ** 34n - 2n ** 31n - 1n, 12) }),
  ]),
  'times beyond': harmless([
    file('a', 'x', { mtime: base256(-(2n ** 62n), 12) }),
    file('b', 'x', { mtime: base256(2n ** 62n, 12) }),
    pax(['mtime', '9223372036854774000.9']),
    file('c'),
    pax(['mtime', '-9223372036854774000.9']),
    file('d'),
  ]),
  'a time of no number': refused('MALFORMED', pax(['mtime', 'NaN']), file('f')),
  'a time with an exponent': refused('MALFORMED', pax(['mtime', '1e300']), file('f')),
  'an endless time': refused('MALFORMED', pax(['mtime', 'inf']), file('f')),
  'attributes of the user on a symlink': harmless([xattr('user.a', 'x', symlink('l', 'nowhere'))]),
  'a type that nobody knows': refused('UNSUPPORTED', rawEntry({ name: 'f', type: 'Z' })),
  'a continued volume': refused('UNSUPPORTED', rawEntry({ name: 'f', type: 'M', magic: 'gnu' })),
  'a volume label': refused('UNSUPPORTED', rawEntry({ name: 'f', type: 'V', magic: 'gnu' })),
  'a dumped directory': refused('UNSUPPORTED', rawEntry({ name: 'd', type: 'D', magic: 'gnu' })),
}

function each(names: readonly string[], row: (name: string) => [string, Row]): Table {
  return Object.fromEntries(names.map(row))
}
