import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatHeader, type TarInput, writeTar } from '../../../src/layer/tar/writer.ts'
import { readTar } from '../../support/tar.ts'

const bytes = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc
    .uint8Array({ minLength: 1, maxLength })
    .map(array => Buffer.from(array.map(byte => (byte === 0 || byte === 0x2f ? 0x61 : byte))))

const attributes = fc
  .uniqueArray(fc.tuple(fc.stringMatching(/^[a-z=é.]{1,20}$/), fc.uint8Array({ maxLength: 40 })), {
    selector: ([name]) => name,
  })
  .map(pairs => new Map(pairs.map(([name, value]) => [attributeName(name), Buffer.from(value)])))

/** As bytes. An equal sign would end the record's key. */
function attributeName(text: string): string {
  return Buffer.from(`security.${text.replaceAll('=', '_')}`).toString('latin1')
}

const common = {
  path: bytes(300),
  mode: fc.nat(0o7777),
  uid: fc.nat(2 ** 32 - 2),
  gid: fc.oneof(fc.nat(1000), fc.nat(2 ** 32 - 2)),
  seconds: fc.integer({ min: -(2 ** 31), max: 2 ** 34 - 2 ** 31 - 1 }),
  nanoseconds: fc.oneof(fc.constant(0), fc.nat(999_999_999)),
  xattrs: attributes,
}

const entry = fc.oneof(
  fc.record({ ...common, type: fc.constant('file' as const), data: fc.uint8Array({ maxLength: 2000 }) }),
  fc.record({ ...common, type: fc.constantFrom('directory' as const, 'fifo' as const) }),
  fc.record({ ...common, type: fc.constantFrom('symlink' as const, 'hardlink' as const), link: bytes(300) }),
  fc.record({
    ...common,
    type: fc.constantFrom('character' as const, 'block' as const),
    major: fc.integer({ min: 1, max: 4095 }),
    minor: fc.nat(2 ** 20 - 1),
  }),
)

type Written = TarInput & { readonly data?: Uint8Array }

test('writeTar() writes what the reader reads, whatever the chunks', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 5 }),
      fc.integer({ min: 1, max: 3000 }),
      (entries: Written[], chunkBytes) => {
        const read = readTar(writeTar(entries), chunkBytes)
        assert.equal(read.length, entries.length)
        entries.forEach((written, at) => {
          const { segments: _, data, path, ...rest } = read[at] ?? assert.fail()
          const { data: wrote = Buffer.alloc(0), path: name, ...fields } = written
          assert.deepEqual(data, Buffer.from(wrote))
          assert.deepEqual(path, written.type === 'directory' ? Buffer.concat([name, Buffer.from('/')]) : name)
          assert.deepEqual({ ...rest, ...fields }, rest)
        })
      },
    ),
    { numRuns: 300 },
  )
})

test('formatHeader() takes one block for what ustar can say, and is the same each time', () => {
  const plain: TarInput = { type: 'file', path: Buffer.alloc(100, 'p'), size: 8 ** 11 - 1, uid: 8 ** 7 - 1, seconds: 1 }
  assert.equal(formatHeader(plain).length, 512)
  assert.deepEqual(formatHeader(plain), formatHeader({ ...plain }))
  for (const more of [
    { uid: 8 ** 7 },
    { size: 8 ** 11 },
    { seconds: -1 },
    { nanoseconds: 1 },
    { path: Buffer.alloc(101, 'p') },
  ]) {
    assert.equal(formatHeader({ ...plain, ...more }).length, 1536)
  }
})
