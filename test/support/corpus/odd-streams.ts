import { gzipSync } from 'node:zlib'
import { archive } from '../tar.ts'
import { block, frame, skippable, storeZstd } from '../zstd.ts'
import { type Table, validBytes } from './case.ts'
import { directory, file } from './entries.ts'

const tar = archive(directory('d'), file('d/f', 'some text '.repeat(300)), file('g'))
const half = 700
const [first, second] = [tar.subarray(0, half), tar.subarray(half)]
const nuls = Buffer.alloc(700)
const join =
  (...parts: Uint8Array[]) =>
  (): Buffer =>
    Buffer.concat(parts)

/** Compressed streams that are right and rarely seen. */
export const oddStreams: Table = {
  'a plain tar': validBytes(() => tar),
  gzip: validBytes(() => gzipSync(tar)),
  'gzip that stores': validBytes(() => gzipSync(tar, { level: 0 })),
  'gzip of two members': validBytes(join(gzipSync(first), gzipSync(second))),
  'gzip of a member for each byte': validBytes(() =>
    Buffer.concat(
      [...tar.subarray(0, 600)].map(byte => gzipSync(Buffer.from([byte]))).concat(gzipSync(tar.subarray(600))),
    ),
  ),
  'gzip with empty members': validBytes(
    join(gzipSync(''), gzipSync(first), gzipSync(''), gzipSync(second), gzipSync('')),
  ),
  'gzip, then NULs': validBytes(join(gzipSync(tar), nuls)),
  'gzip, then one NUL': validBytes(join(gzipSync(tar), nuls.subarray(0, 1))),
  'gzip members between NULs': validBytes(join(gzipSync(first), nuls, gzipSync(second), nuls)),
  'gzip with every field of its header': validBytes(() => withFields(gzipSync(tar))),
  'gzip of nothing': validBytes(() => gzipSync('')),
  zstd: validBytes(() => storeZstd(tar)),
  'zstd of two frames': validBytes(join(storeZstd(first), storeZstd(second))),
  'zstd with empty frames': validBytes(
    join(frame([block('')]), storeZstd(first), frame([block('')]), storeZstd(second)),
  ),
  'zstd after a skippable frame': validBytes(join(skippable('abc'), storeZstd(tar))),
  'zstd between skippable frames': validBytes(
    join(skippable('', 3), storeZstd(first), skippable('x'.repeat(5000), 15), storeZstd(second), skippable('end')),
  ),
  'zstd with runs': validBytes(
    join(
      frame(
        [block(archive(file('z', '')).subarray(0, 512), { last: false }), block('\0', { repeat: 1024 })],
        [0, 7 << 3],
      ),
    ),
  ),
  'zstd of a single segment': validBytes(join(frame([block(tar)], [0xa0, ...size(tar.length)]))),
  'zstd of skippable frames only': validBytes(() => skippable('nothing')),
  'layers of every kind': validBytes(
    () => gzipSync(archive(file('a'))),
    () => storeZstd(archive(file('b'))),
    () => archive(file('c')),
  ),
}

/** Extra field, name, comment. */
function withFields(member: Buffer): Buffer {
  const header = Buffer.concat([member.subarray(0, 3), Buffer.from([0x1c]), member.subarray(4, 10)])
  return Buffer.concat([header, Buffer.from('\x02\x00xyname\0comment\0', 'latin1'), member.subarray(10)])
}

function size(bytes: number): Buffer {
  const field = Buffer.alloc(4)
  field.writeUInt32LE(bytes)
  return field
}
