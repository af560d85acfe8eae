import { deflateRawSync, gzipSync } from 'node:zlib'
import { archive } from '../tar.ts'
import { block, frame, skippable, storeZstd } from '../zstd.ts'
import { refusedBytes, type Table } from './case.ts'
import { file } from './entries.ts'

const tar = archive(file('f'))
const gzip = gzipSync(tar)
const zstd = storeZstd(tar)

function changed(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  const place = at < 0 ? copy.length + at : at
  copy[place] = (copy[place] ?? 0) ^ 0x55
  return copy
}

const join =
  (...parts: Uint8Array[]) =>
  (): Buffer =>
    Buffer.concat(parts)

/** Compressed streams that end elsewhere than their bytes, or that need more than a decoder should give. */
export const streams: Table = {
  'gzip, cut in its data': refusedBytes('MALFORMED', join(gzip.subarray(0, 40))),
  'gzip, cut in its trailer': refusedBytes('MALFORMED', join(gzip.subarray(0, -1))),
  'gzip, cut in its header': refusedBytes('MALFORMED', join(gzip.subarray(0, 9))),
  'gzip of a wrong checksum': refusedBytes('MALFORMED', join(changed(gzip, -8))),
  'gzip of a wrong length': refusedBytes('MALFORMED', join(changed(gzip, -1))),
  'gzip of broken data': refusedBytes('MALFORMED', join(gzip.subarray(0, 10), Buffer.alloc(20, 0xff))),
  'gzip of another method': refusedBytes('MALFORMED', join(Buffer.from([0x1f, 0x8b, 0x07]), gzip.subarray(3))),
  'gzip, then junk': refusedBytes('MALFORMED', join(gzip, Buffer.from('junk'))),
  'gzip, NULs, then junk': refusedBytes('MALFORMED', join(gzip, Buffer.alloc(512), Buffer.from('junk'))),
  'gzip, then a tar': refusedBytes('MALFORMED', join(gzip, tar)),
  'gzip, then zstd': refusedBytes('MALFORMED', join(gzip, zstd)),
  'gzip, then half a member': refusedBytes('MALFORMED', join(gzip, gzip.subarray(0, 30))),
  'gzip members between NULs without end': refusedBytes('LIMIT_EXCEEDED', () =>
    Buffer.concat([gzip, ...Array.from({ length: 4200 }, () => Buffer.concat([Buffer.alloc(1), gzipSync('')]))]),
  ),
  'gzip in gzip': refusedBytes('MALFORMED', join(gzipSync(gzip))),
  'deflate without a frame': refusedBytes('MALFORMED', join(deflateRawSync(tar))),
  'NULs before gzip': refusedBytes('MALFORMED', join(Buffer.alloc(3), gzip)),
  'zstd, cut in its data': refusedBytes('MALFORMED', join(zstd.subarray(0, 40))),
  'zstd, cut at its last byte': refusedBytes('MALFORMED', join(zstd.subarray(0, -1))),
  'zstd, then junk': refusedBytes('MALFORMED', join(zstd, Buffer.from('junk'))),
  'zstd, then NULs': refusedBytes('MALFORMED', join(zstd, Buffer.alloc(512))),
  'zstd, then gzip': refusedBytes('MALFORMED', join(zstd, gzip)),
  'zstd, then half a frame': refusedBytes('MALFORMED', join(zstd, zstd.subarray(0, 12))),
  'zstd, then half a skippable frame': refusedBytes('MALFORMED', join(zstd, skippable('abc').subarray(0, -1))),
  'zstd without a last block': refusedBytes('MALFORMED', join(frame([block(tar, { last: false })], [0, 7 << 3]))),
  'zstd with a window of 2 GiB': refusedBytes('LIMIT_EXCEEDED', join(frame([block(tar)], [0, 21 << 3]))),
  'zstd with a window of 3.75 TiB': refusedBytes('LIMIT_EXCEEDED', join(frame([block(tar)], [0, 0xff]))),
  'zstd in one segment of 1 GiB': refusedBytes('LIMIT_EXCEEDED', join(frame([block(tar)], [0xa0, 0, 0, 0, 0x40]))),
  'zstd with a dictionary': refusedBytes('UNSUPPORTED', join(frame([block(tar)], [0x21, 7, 1]))),
  'zstd with a block of the reserved type': refusedBytes('MALFORMED', join(frame([Buffer.from([7, 0, 0])]))),
  'zstd with a block above its limit': refusedBytes(
    'MALFORMED',
    join(frame([block('x', { repeat: 2 ** 17 + 1 })], [0, 8 << 3])),
  ),
  'zstd with a reserved flag': refusedBytes('MALFORMED', join(frame([block(tar)], [0x08, 0]))),
  xz: refusedBytes('MALFORMED', join(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0]), Buffer.alloc(600, 1))),
  bzip2: refusedBytes('MALFORMED', join(Buffer.from('BZh9'), Buffer.alloc(600, 1))),
  'bytes without sense': refusedBytes('MALFORMED', join(Buffer.alloc(5000, 0xa5))),
}
