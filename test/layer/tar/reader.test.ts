import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ErrorCode, hasCode } from '../../../src/errors.ts'
import type { TarEntry } from '../../../src/layer/tar/entry.ts'
import { TarReader } from '../../../src/layer/tar/reader.ts'
import { writeTar } from '../../../src/layer/tar/writer.ts'
import {
  archive,
  base256,
  longName,
  pax,
  paxRecord,
  type RawHeader,
  rawEntry,
  rawHeader,
  readTar,
} from '../../support/tar.ts'

/** What an entry looks like, in short: text where a test has text. */
function brief({ type, path, link, size }: TarEntry): string {
  return `${type} ${path}${link.length > 0 ? ` -> ${link}` : ''}${size > 0 ? ` (${size})` : ''}`
}

function one(...parts: Uint8Array[]): TarEntry & { data: Buffer } {
  const [entry, ...others] = readTar(archive(...parts))
  assert.ok(entry)
  assert.equal(others.length, 0)
  return entry
}

function refuses(name: string, code: ErrorCode, tar: () => Uint8Array): void {
  test(`push() refuses ${name}`, () => {
    const bytes = tar()
    assert.throws(
      () => readTar(bytes),
      error => hasCode(error, code),
    )
  })
}

const types: readonly [RawHeader, string][] = [
  [{ type: '0' }, 'file f'],
  [{ type: '\0' }, 'file f'],
  [{ type: '7' }, 'file f'],
  [{ type: '\0', name: 'd/' }, 'directory d/'],
  [{ type: '\0', name: 'd/', magic: 'v7' }, 'directory d/'],
  [{ type: '5', name: 'd' }, 'directory d'],
  [{ type: '1', link: 'a/b' }, 'hardlink f -> a/b'],
  [{ type: '2', link: '../x' }, 'symlink f -> ../x'],
  [{ type: '3', major: 1, minor: 3 }, 'character f'],
  [{ type: '4', major: 8, minor: 0, magic: 'gnu' }, 'block f'],
  [{ type: '6' }, 'fifo f'],
  [{ name: 'b', prefix: 'a' }, 'file a/b'],
  [{ name: Buffer.alloc(100, 'n'), prefix: Buffer.alloc(155, 'p') }, `file ${'p'.repeat(155)}/${'n'.repeat(100)}`],
  [{ name: 'b', prefix: '00000000017\x0000000000017', magic: 'gnu' }, 'file b'],
  [{ name: 'b\0junk' }, 'file b'],
  [{ name: '' }, 'file '],
]

for (const [header, expected] of types) {
  test(`push() reads ${JSON.stringify(header)}`, () => {
    assert.equal(brief(one(rawHeader(header))), expected)
  })
}

test('push() reads device numbers of devices only', () => {
  const device = one(rawHeader({ type: '3', major: 4095, minor: 0o3777777 }))
  assert.deepEqual([device.major, device.minor], [4095, 1048575])
  const file = one(rawHeader({ type: '0', major: 5, minor: 6 }))
  assert.deepEqual([file.major, file.minor], [0, 0])
})

const numbers: readonly [RawHeader, Partial<TarEntry>][] = [
  [{ mode: 0o4755 }, { mode: 0o4755 }],
  [{ mode: 0o100644 }, { mode: 0o644 }],
  [{ mode: base256(-1n, 8) }, { mode: 0o7777 }],
  [
    { uid: '', gid: '       ' },
    { uid: 0, gid: 0 },
  ],
  [
    { uid: '   17 \0', gid: '17\0junk' },
    { uid: 0o17, gid: 0o17 },
  ],
  [
    { uid: base256(4294967294n, 8), gid: base256(70000n, 8) },
    { uid: 4294967294, gid: 70000 },
  ],
  [{ mtime: base256(-1n, 12) }, { seconds: -1, nanoseconds: 0 }],
  [{ mtime: base256(-(2n ** 40n), 12) }, { seconds: -(2 ** 31) }],
  [{ mtime: base256(2n ** 60n, 12) }, { seconds: 2 ** 34 - 2 ** 31 - 1 }],
  [{ mtime: 0o77777777777 }, { seconds: 8589934591 }],
]

for (const [header, expected] of numbers) {
  test(`push() reads numbers ${JSON.stringify(header)}`, () => {
    const entry = one(rawHeader(header))
    assert.deepEqual({ ...entry, ...expected }, entry)
  })
}

test('push() accepts a checksum over signed bytes', () => {
  const block = rawHeader({ name: Buffer.from([0xc3, 0xa9]) })
  const unsigned = Number.parseInt(block.toString('latin1', 148, 154), 8)
  const signed = `${(unsigned - 512).toString(8).padStart(6, '0')}\0 `
  assert.equal(one(rawHeader({ name: Buffer.from([0xc3, 0xa9]), checksum: signed })).path.length, 2)
})

const extended: readonly [name: string, Buffer, Partial<TarEntry>][] = [
  [
    'path and linkpath',
    Buffer.concat([pax(['path', 'p'], ['linkpath', 'l']), rawHeader({ type: '2', link: 'x' })]),
    { path: Buffer.from('p'), link: Buffer.from('l') },
  ],
  [
    'the later of two records',
    Buffer.concat([pax(['path', 'p'], ['path', 'q']), rawHeader({})]),
    { path: Buffer.from('q') },
  ],
  [
    'newlines and equal signs in values',
    Buffer.concat([pax(['path', 'a\n12 path=b=c']), rawHeader({})]),
    { path: Buffer.from('a\n12 path=b=c') },
  ],
  [
    'bytes that are no text',
    Buffer.concat([pax(['path', Buffer.from([0xff, 0xfe])]), rawHeader({})]),
    { path: Buffer.from([0xff, 0xfe]) },
  ],
  [
    'ids',
    Buffer.concat([pax(['uid', '4294967294'], ['gid', '100000']), rawHeader({ uid: 1 })]),
    { uid: 4294967294, gid: 100000 },
  ],
  ['times', Buffer.concat([pax(['mtime', '12.5']), rawHeader({ mtime: 1 })]), { seconds: 12, nanoseconds: 5e8 }],
  [
    'times of many digits',
    Buffer.concat([pax(['mtime', '1.0000000019']), rawHeader({})]),
    { seconds: 1, nanoseconds: 1 },
  ],
  ['times before 1970', Buffer.concat([pax(['mtime', '-1.25']), rawHeader({})]), { seconds: -2, nanoseconds: 75e7 }],
  [
    'times out of range',
    Buffer.concat([pax(['mtime', '9223372036854774000.5']), rawHeader({})]),
    { seconds: 2 ** 34 - 2 ** 31 - 1, nanoseconds: 0 },
  ],
  [
    'a GNU long name that is the PAX path',
    Buffer.concat([pax(['path', 'same']), longName('L', 'same'), rawHeader({})]),
    { path: Buffer.from('same') },
  ],
  [
    'GNU long links',
    Buffer.concat([longName('K', 'target'), rawHeader({ type: '1', link: 't' })]),
    { link: Buffer.from('target') },
  ],
  [
    'global headers as nothing',
    Buffer.concat([rawEntry({ type: 'g' }, paxRecord('path', '/etc/x')), rawHeader({ name: 'f' })]),
    { path: Buffer.from('f') },
  ],
  [
    'unknown records as nothing',
    Buffer.concat([pax(['comment', ''], ['LIBARCHIVE.xattr.user.a', 'YQ'], ['constructor', 'x']), rawHeader({})]),
    { xattrs: new Map() },
  ],
  [
    'attributes',
    Buffer.concat([
      pax(['SCHILY.xattr.security.capability', Buffer.from([1, 0, 10, 0])], ['SCHILY.xattr.user.e', '']),
      rawHeader({}),
    ]),
    {
      xattrs: new Map([
        ['security.capability', Buffer.from([1, 0, 10, 0])],
        ['user.e', Buffer.alloc(0)],
      ]),
    },
  ],
  [
    'attributes to be dropped',
    Buffer.concat([
      pax(
        ['SCHILY.xattr.trusted.overlay.opaque', 'y'],
        ['SCHILY.xattr.security.selinux', 'x'],
        ['SCHILY.xattr.user.rootlesscontainers', 'x'],
      ),
      rawHeader({}),
    ]),
    { xattrs: new Map() },
  ],
  [
    'user attributes of a symlink as nothing',
    Buffer.concat([
      pax(['SCHILY.xattr.user.a', 'x'], ['SCHILY.xattr.trusted.a', 'y']),
      rawHeader({ type: '2', link: 'l' }),
    ]),
    { xattrs: new Map([['trusted.a', Buffer.from('y')]]) },
  ],
]

for (const [name, tar, expected] of extended) {
  test(`push() reads ${name}`, () => {
    const entry = one(tar)
    assert.deepEqual({ ...entry, ...expected }, entry)
  })
}

test('push() binds an extended header to the next entry, over a long name, and to no other', () => {
  const tar = archive(
    pax(['size', '5'], ['uid', '7']),
    longName('L', 'long'),
    rawEntry({ size: 0 }, 'hello'),
    rawEntry({ name: 'second' }, 'x'),
  )
  assert.deepEqual(
    readTar(tar).map(({ path, data, uid }) => `${path} ${data} ${uid}`),
    ['long hello 7', 'second x 0'],
  )
})

test('push() gives data and its place in the tar', () => {
  const tar = archive(rawEntry({ name: 'a' }, 'x'.repeat(512)), rawEntry({ name: 'b' }, 'yz'), rawEntry({ name: 'c' }))
  const [a, b, c] = readTar(tar)
  assert.deepEqual(a?.segments, [{ tarOffset: 512, fileOffset: 0, length: 512 }])
  assert.deepEqual(b?.segments, [{ tarOffset: 1536, fileOffset: 0, length: 2 }])
  assert.deepEqual(c?.segments, [])
  assert.equal(b?.data.toString(), 'yz')
})

test('push() tells the sink of an entry, its data, its end, in this order', () => {
  const calls: string[] = []
  const reader = new TarReader({
    entry: ({ path }) => calls.push(`entry ${path}`),
    data: (bytes, at) => calls.push(`data ${Buffer.from(bytes)} at ${at}`),
    done: () => calls.push('done'),
  })
  const tar = archive(rawEntry({ name: 'a' }, 'hello'), rawHeader({ name: 'b' }))
  reader.push(tar.subarray(0, 514))
  reader.push(tar.subarray(514))
  reader.end()
  assert.deepEqual(calls, ['entry a', 'data he at 0', 'data llo at 2', 'done', 'entry b', 'done'])
  assert.deepEqual([reader.entries, reader.offset], [2, tar.length])
})

test('push() gives views of the chunk, no copies', () => {
  const tar = archive(rawEntry({}, 'hello'))
  const reader = new TarReader({ entry() {}, data: bytes => assert.equal(bytes.buffer, tar.buffer), done() {} })
  reader.push(tar)
})

test('push() passes on what the sink throws', () => {
  const boom = new Error('boom')
  const reader = new TarReader({
    entry() {
      throw boom
    },
    data() {},
    done() {},
  })
  assert.throws(
    () => reader.push(rawHeader({})),
    error => error === boom,
  )
})

/** Every kind of header, so that cuts meet every state of the reader. */
const varied = archive(
  pax(['path', 'dir/'], ['SCHILY.xattr.user.a', 'b'], ['mtime', '5.5']),
  rawHeader({ type: '5' }),
  longName('L', `dir/${'n'.repeat(600)}`),
  longName('K', 'k'.repeat(200)),
  rawHeader({ type: '2', magic: 'gnu' }),
  rawEntry({ type: 'g' }, paxRecord('comment', 'c')),
  rawEntry({ name: 'data' }, 'd'.repeat(700)),
  pax(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.name', 's'], ['GNU.sparse.realsize', '100']),
  rawEntry({}, Buffer.concat([Buffer.from('2\n10\n3\n50\n2\n'.padEnd(512, '\0')), Buffer.from('abcde')])),
  rawEntry({ name: 'last' }, 'x'),
)

test('push() reads the same whatever the chunks', () => {
  const whole = readTar(varied)
  assert.deepEqual(whole.map(brief), [
    'directory dir/',
    `symlink dir/${'n'.repeat(600)} -> ${'k'.repeat(200)}`,
    'file data (700)',
    'file s (100)',
    'file last (1)',
  ])
  for (let at = 1; at < varied.length; at++) assert.deepEqual(readTar(varied, [at]), whole, `cut at ${at}`)
  for (const size of [1, 2, 3, 7, 511, 512, 513, 1000]) assert.deepEqual(readTar(varied, size), whole, `by ${size}`)
})

test('end() accepts a boundary as the end, and nothing else', () => {
  const tar = varied.subarray(0, -1024)
  const boundaries: number[] = []
  for (let length = 0; length <= tar.length; length++) {
    try {
      readTar(tar.subarray(0, length))
      boundaries.push(length)
    } catch (error) {
      assert.ok(hasCode(error, 'MALFORMED'), `cut to ${length}: ${error}`)
    }
  }
  // Nothing; after each entry; and after the global header, which is of no entry.
  assert.deepEqual(boundaries, [0, 1536, 4608, 5632, 7168, 9728, 10752])
})

test('end() accepts no bytes, one block of zeros, and anything after the end mark', () => {
  assert.deepEqual(readTar(Buffer.alloc(0)), [])
  assert.equal(readTar(Buffer.concat([rawHeader({}), Buffer.alloc(512)])).length, 1)
  assert.equal(readTar(archive(rawHeader({}), Buffer.alloc(1024), rawHeader({}), Buffer.from('junk'))).length, 1)
  assert.equal(readTar(archive(rawEntry({ type: 'g' }, paxRecord('comment', 'abc')))).length, 0)
})

const sixteen = Array.from({ length: 16 }, () => rawEntry({ type: 'g' }))

test('push() takes 16 headers in a row, and 1 MiB of one', () => {
  assert.equal(readTar(archive(...sixteen, rawHeader({}), ...sixteen, rawHeader({}))).length, 2)
  assert.equal(one(pax(['comment', 'c'.repeat(2 ** 20 - 17)]), rawHeader({})).type, 'file')
})

refuses('17 headers in a row', 'LIMIT_EXCEEDED', () => archive(...sixteen, rawEntry({ type: 'g' }), rawHeader({})))
refuses('more than 1 MiB of a header', 'LIMIT_EXCEEDED', () => rawHeader({ type: 'x', size: 2 ** 20 + 1 }))
refuses('more than 1 MiB of a long name', 'LIMIT_EXCEEDED', () => rawHeader({ type: 'L', size: 2 ** 20 + 1 }))
refuses('a link target above 4,095 bytes', 'LIMIT_EXCEEDED', () =>
  archive(longName('K', 'k'.repeat(4096)), rawHeader({ type: '2' })),
)
refuses('an attribute above 64 KiB', 'LIMIT_EXCEEDED', () =>
  archive(pax(['SCHILY.xattr.user.a', 'x'.repeat(65537)]), rawHeader({})),
)
refuses('an attribute name above 255 bytes', 'LIMIT_EXCEEDED', () =>
  archive(pax([`SCHILY.xattr.user.${'a'.repeat(251)}`, 'x']), rawHeader({})),
)

const unsafe: readonly [string, RawHeader][] = [
  ['a character device 0:0', { type: '3', major: 0, minor: 0 }],
  ['a major number of 13 bits', { type: '3', major: 4096, minor: 1 }],
  ['a minor number of 21 bits', { type: '4', major: 1, minor: 2 ** 20 }],
  ['a negative minor number', { type: '4', major: 1, minor: base256(-1n, 8) }],
  ['a uid of 2³²−1', { uid: base256(4294967295n, 8) }],
  ['a gid of 2³²', { gid: base256(4294967296n, 8) }],
  ['a negative uid', { uid: base256(-1n, 8) }],
]
for (const [name, header] of unsafe) refuses(name, 'UNSAFE', () => archive(rawHeader(header)))
refuses('a uid of 2³² over which PAX has another', 'UNSAFE', () =>
  archive(pax(['uid', '1']), rawHeader({ uid: base256(2n ** 32n, 8) })),
)
refuses('a PAX uid of 2³²−1', 'UNSAFE', () => archive(pax(['uid', '4294967295']), rawHeader({})))

for (const type of ['D', 'M', 'N', 'V', 'X', 'A', '9', '\x80']) {
  refuses(`type ${JSON.stringify(type)}`, 'UNSUPPORTED', () => archive(rawHeader({ type })))
}

const broken: readonly [string, RawHeader][] = [
  ['a mode of more than 53 bits', { mode: Buffer.from('8074920c5b3e1a0d', 'hex') }],
  ['a time of more than 64 bits', { mtime: Buffer.from('800100000000000000000000', 'hex') }],
  ['a sparse file of old in ustar', { type: 'S', size: 0 }],
  ['junk for a device in the oldest format', { magic: 'v7', major: 'junk' }],
  ['junk for a major number of no device', { major: 'junk' }],
  ['junk for a minor number of no device', { minor: 'junk' }],
  ['a character device of the oldest format', { type: '3', major: 1, minor: 3, magic: 'v7' }],
  ['a block device of the oldest format', { type: '4', major: 8, minor: 0, magic: 'v7' }],
  ['a prefix without a name', { name: '', prefix: 'a' }],
  ['a prefix without a name, of a directory', { type: '5', name: '', prefix: 'a' }],
  ['a prefix in the oldest format', { name: 'b', prefix: 'a', magic: 'v7' }],
  ['a prefix that could be a number in the oldest format', { name: 'b', prefix: '7', magic: 'v7' }],
  ['a prefix in GNU format', { name: 'b', prefix: 'a', magic: 'gnu' }],
  ['a wrong checksum', { checksum: '000001\0 ' }],
  ['no checksum', { checksum: '        ' }],
  ['a negative size', { size: base256(-1n, 12) }],
  ['a size above 2⁵³', { size: base256(2n ** 60n, 12) }],
  ['letters in a number', { mode: '000064x\0' }],
  ['a digit that is not octal', { uid: '0000008\0' }],
  ['a sign in a number', { size: '-0000000001' }],
  ['two numbers in a field', { gid: '12 34\0' }],
  ['a number behind a NUL', { gid: '\x0012\0' }],
  ['a binary number of another mark', { uid: Buffer.from([0x81, 0, 0, 0, 0, 0, 0, 1]) }],
  ['a symlink without a target', { type: '2' }],
  ['a hardlink without a target', { type: '1' }],
  ...['1', '2', '3', '4', '5', '6'].map(
    type => [`data of type ${type}`, { type, link: 'l', major: 1, minor: 1, size: 1 }] as [string, RawHeader],
  ),
  ['a file whose name ends in a slash', { name: 'd/' }],
  ['data of an old directory', { type: '\0', name: 'd/', size: 1 }],
  ['a long name of negative size', { type: 'L', size: base256(-1n, 12) }],
]
test('push() takes no header back by a negative size of the next', () => {
  const [first, second] = [rawEntry({ name: 'a' }), rawHeader({ type: 'x', size: base256(-512n, 12) })]
  assert.throws(() => readTar(archive(first, second)), /negative size/)
})

for (const [name, header] of broken) refuses(name, 'MALFORMED', () => archive(rawHeader(header)))

const x = (body: Uint8Array | string): Buffer => archive(rawEntry({ type: 'x' }, body), rawHeader({}))
const records: readonly [string, () => Uint8Array][] = [
  ['a record without a length', () => x('path=a\n')],
  ['a record longer than its header', () => x('99 path=a\n')],
  ['a record shorter than its text', () => x('9 path=a\n\n')],
  ['a record of length 0', () => x('0 path=a\n')],
  ['a record of a huge length', () => x(`${'9'.repeat(400)} path=a\n`)],
  ['a negative length', () => x('-10 path=a\n')],
  ['a record that ends in no newline', () => x('10 path=ab')],
  ['a record without an equal sign', () => x('9 patha\n\n'.replace('9', '8'))],
  ['a record without a key', () => x('5 =a\n')],
  ['bytes after the records', () => x(Buffer.concat([paxRecord('path', 'a'), Buffer.alloc(3)]))],
  ['a NUL in a path', () => archive(pax(['path', 'a\0b']), rawHeader({}))],
  ['a NUL in a link', () => archive(pax(['linkpath', 'a\0b']), rawHeader({ type: '2' }))],
  ['a NUL in a key', () => archive(pax(['a\0b', 'x']), rawHeader({}))],
  ['a key that is no text', () => archive(pax([Buffer.from([0xff]), 'x']), rawHeader({}))],
  ['a negative PAX size', () => archive(pax(['size', '-1']), rawHeader({}))],
  ['a PAX size over a negative one', () => archive(pax(['size', '0']), rawHeader({ size: base256(-1n, 12) }))],
  ['a PAX size of no digits', () => archive(pax(['size', '1e3']), rawHeader({}))],
  ['a PAX size above 2⁵³', () => archive(pax(['size', '99999999999999999']), rawHeader({}))],
  ['a PAX size on a directory', () => archive(pax(['size', '512']), rawEntry({ type: '5', size: 0 }, 'x'))],
  ['a PAX uid with a fraction', () => archive(pax(['uid', '1.5']), rawHeader({}))],
  ...['path', 'linkpath', 'size', 'uid', 'gid', 'mtime', 'atime', 'ctime'].map((key): [string, () => Uint8Array] => [
    `an empty ${key}`,
    () => archive(pax([key, '']), rawHeader({})),
  ]),
  ['a time of more than 64 bits', () => archive(pax(['mtime', '9'.repeat(400)]), rawHeader({}))],
  ['a time of access of more than 64 bits', () => archive(pax(['atime', '-9223372036854785000']), rawHeader({}))],
  ['a NUL in the name of an owner', () => archive(pax(['uname', 'a\0b']), rawHeader({}))],
  ['a NUL in the name of a group', () => archive(rawEntry({ type: 'g' }, paxRecord('gname', 'a\0b')))],
  [
    'a global header between an entry and its own',
    () => archive(pax(['path', 'p']), rawEntry({ type: 'g' }), rawHeader({ name: 'f' })),
  ],
  ['a time of access that is none', () => archive(pax(['atime', '.5']), rawHeader({}))],
  ['a time of change that is none', () => archive(pax(['ctime', '+1']), rawHeader({}))],
  ['a time that is none', () => archive(pax(['mtime', '1.5.5']), rawHeader({}))],
  ['a time with an exponent', () => archive(pax(['mtime', '1e5']), rawHeader({}))],
  ['a malformed global header', () => archive(rawEntry({ type: 'g' }, 'junk'), rawHeader({}))],
  ['a GNU long name beside another in PAX', () => archive(pax(['path', 'p']), longName('L', 'l'), rawHeader({}))],
  ['a PAX path beside another long name', () => archive(longName('L', 'l'), pax(['path', 'p']), rawHeader({}))],
  [
    'a GNU long link beside another in PAX',
    () => archive(pax(['linkpath', 'p']), longName('K', 'l'), rawHeader({ type: '2' })),
  ],
  ['a directory of old by its PAX path only', () => archive(pax(['path', 'd/']), rawHeader({ name: 'd', type: '\0' }))],
  ['a file of old by its PAX path only', () => archive(pax(['path', 'd']), rawHeader({ name: 'd/', type: '\0' }))],
  ['two extended headers', () => archive(pax(['path', 'a']), pax(['path', 'b']), rawHeader({}))],
  ['two long names', () => archive(longName('L', 'a'), longName('L', 'b'), rawHeader({}))],
  ['two long links', () => archive(longName('K', 'a'), longName('K', 'b'), rawHeader({ type: '2' }))],
  ['an empty long name', () => archive(longName('L', ''), rawHeader({}))],
  ['a NUL in a long name', () => archive(longName('L', 'a\0b'), rawHeader({}))],
  ['an extended header of nothing', () => archive(pax(['path', 'a']))],
  ['an entry after half an end mark', () => Buffer.concat([Buffer.alloc(512), rawHeader({})])],
  ['part of a block after half an end mark', () => Buffer.alloc(700)],
]
for (const [name, tar] of records) refuses(name, 'MALFORMED', tar)

test('skipData() passes over what is left of a file; the next push begins behind it', () => {
  const file = (path: string, size: number) =>
    ({ type: 'file', path: Buffer.from(path), data: Buffer.alloc(size, path) }) as const
  const tar = writeTar([file('a', 3000), file('b', 512), file('c', 0)])
  const seen: string[] = []
  let bytes = 0
  const reader = new TarReader({
    entry: ({ path }) => seen.push(path.toString()),
    data: chunk => {
      bytes += chunk.length
    },
    done() {},
  })
  assert.equal(reader.skipData(), 0)
  reader.push(tar.subarray(0, 1000))
  assert.equal(reader.skipData(), 3000 - (1000 - 512))
  reader.push(tar.subarray(reader.offset))
  reader.end()
  assert.deepEqual([seen, bytes, reader.offset], [['a', 'b', 'c'], 1000 - 512 + 512, tar.length])
})
