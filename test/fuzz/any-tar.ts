import { type Bytes, base256, longName, paxRecord, type RawHeader, rawEntry } from '../support/tar.ts'
import type { Random } from './random.ts'

/** An archive of a few parts, each likely to be right; some then lose a byte or gain one. The same for the same seed. */
export function anyTar(random: Random): Buffer {
  const parts = Array.from({ length: 1 + random.below(4) }, () => anyPart(random))
  if (!random.once(12)) parts.push(Buffer.alloc(1024))
  const tar = Buffer.concat(parts)
  if (random.once(12)) return tar.subarray(0, random.below(tar.length))
  if (random.once(6)) damage(random, tar)
  return tar
}

function anyPart(random: Random): Buffer {
  switch (random.below(16)) {
    case 0:
      return random.once(4) ? Buffer.alloc(512) : anyEntry(random)
    case 1:
      return rawEntry({ name: 'PaxGlobal', type: 'g' }, anyRecords(random))
    case 2:
    case 3:
    case 4:
      return Buffer.concat([extended(random), anyEntry(random)])
    case 5:
    case 6:
      return Buffer.concat([anyLongName(random), anyEntry(random)])
    case 7:
      return Buffer.concat([extended(random), anyLongName(random), anyEntry(random)])
    case 8:
      return random.once(6) ? extended(random) : anyEntry(random)
    case 9:
      return anyGnuSparse(random)
    case 10:
      return anyPaxSparse(random)
    default:
      return anyEntry(random)
  }
}

function extended(random: Random): Buffer {
  return rawEntry({ name: 'PaxHeader', type: 'x' }, anyRecords(random))
}

function anyLongName(random: Random): Buffer {
  const part = longName(random.once(3) ? 'K' : 'L', anyName(random))
  return random.once(20)
    ? rawEntry({ name: 'x', type: 'L', magic: 'gnu' }, random.pick(['', 'a', 'a\0b\0', '\0\0']))
    : part
}

function anyEntry(random: Random): Buffer {
  const type = random.pick(['0', '0', '0', '\0', '5', '5', '2', '2', '1', '3', '4', '6', '7'])
  const hasData = type === '0' || type === '\0' || type === '7' || random.once(60)
  const data = hasData ? anyData(random) : ''
  const header: RawHeader = {
    name: anyName(random).subarray(0, 100),
    type: random.once(60) ? random.pick(['Z', 'V', 'D', 'M', 'N']) : type,
    magic: random.pick(['ustar', 'ustar', 'gnu', 'v7']),
    mode: anyNumber(random, 8),
    uid: anyNumber(random, 8),
    gid: anyNumber(random, 8),
    mtime: anyNumber(random, 12),
    ...(type === '1' || type === '2' || random.once(20) ? { link: anyName(random).subarray(0, 100) } : {}),
    ...(type === '3' || type === '4' ? { major: anyNumber(random, 8), minor: anyNumber(random, 8) } : {}),
    ...(random.once(12) ? { prefix: anyName(random).subarray(0, 155) } : {}),
    ...(random.once(25) ? { size: anyNumber(random, 12) } : {}),
  }
  return rawEntry(header, data)
}

function anyData(random: Random): Buffer {
  return Buffer.alloc(random.pick([0, 1, 5, 511, 512, 513, 1500]), random.pick(['x', 'yz', '\0']))
}

function anyName(random: Random): Buffer {
  const plain = random.pick<Bytes>(['a', 'b', 'dir/file', 'dir/', './a', '/abs', '../up', 'd//e', '.', 'n'.repeat(99)])
  switch (random.below(14)) {
    case 0:
      return Buffer.from('n'.repeat(100 + random.below(200)))
    case 1:
      return Buffer.concat([Buffer.from('raw'), random.bytes(3)])
    case 2:
      return Buffer.from('é/ü')
    case 3:
      return Buffer.from('new\nline "quoted" \\ back')
    case 4:
      return Buffer.alloc(0)
    default:
      return Buffer.from(plain)
  }
}

function anyNumber(random: Random, bytes: 8 | 12): number | Bytes {
  switch (random.below(60)) {
    case 0:
    case 1:
    case 2:
      return base256(BigInt(random.below(100_000)), bytes)
    case 3:
      return base256(BigInt(-1 - random.below(100)), bytes)
    case 4:
    case 5:
    case 6:
      return random.pick(['', '       ', '    17 ', '17\0', '17 ', '0000017\0', ' 17\0junk', '00000017'])
    case 7:
      return random.pick(['-17', '0x17', '8', '1 7', '1.7', '\x0017', '+1', '\t17'])
    case 8:
      return random.once(4) ? random.bytes(bytes) : base256(2n ** BigInt(20 + random.below(30)), bytes)
    default:
      return random.below(0o7777)
  }
}

type Key = (typeof keys)[number]
const keys = [
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'mtime',
  'comment',
  'SCHILY.xattr.user.a',
  'atime',
  'uname',
] as const

function anyRecords(random: Random): Buffer {
  const records = Array.from({ length: random.below(4) }, () => {
    const key = random.pick(keys)
    const record = paxRecord(key, anyValue(random, key))
    return random.once(60) ? broken(random, record) : record
  })
  return Buffer.concat(records)
}

function anyValue(random: Random, key: Key): Bytes {
  if (random.once(40))
    return random.pick<Bytes>(['', 'a\0b', ' 1', '1 ', '-1', '0x10', '1e3', random.bytes(4), '9'.repeat(30)])
  switch (key) {
    case 'path':
    case 'linkpath':
      return anyName(random)
    case 'size':
      return String(random.pick([0, 1, 5, 511, 512, 513, 1500]))
    case 'uid':
    case 'gid':
      return String(random.below(2 ** 31))
    case 'mtime':
    case 'atime':
      return random.pick([
        '1',
        '1.5',
        '1.123456789',
        '-1',
        '-1.5',
        '1700000000',
        '12345678901',
        '.5',
        '1.',
        '+1',
        '1.0000000001',
      ])
    default:
      return random.pick<Bytes>(['x', 'a\nb', 'a=b', 'é', random.bytes(2)])
  }
}

function broken(random: Random, record: Buffer): Buffer {
  const at = random.below(record.length)
  return Buffer.concat([
    record.subarray(0, at),
    random.once(2) ? random.bytes(1) : Buffer.alloc(0),
    record.subarray(at + 1),
  ])
}

function anyRegions(random: Random): { regions: [number, number][]; size: number; data: Buffer } {
  let end = 0
  const regions = Array.from({ length: random.below(4) }, (): [number, number] => {
    const offset = end + random.pick([0, 1, 512, 10_000])
    const length = random.pick([0, 1, 512, 700])
    end = offset + length
    if (random.once(25)) end -= 1
    return [offset, length]
  })
  const used = regions.reduce((sum, [, length]) => sum + length, 0)
  const stored = random.once(20) ? used + 1 : used
  return { regions, size: end + random.pick([0, 0, 1, 5000]), data: Buffer.alloc(stored, 'd') }
}

function anyGnuSparse(random: Random): Buffer {
  const { regions, size, data } = anyRegions(random)
  const patch = regions.flatMap(([offset, length], i): [number, string][] => [
    [386 + 24 * i, octal(offset)],
    [398 + 24 * i, octal(length)],
  ])
  return rawEntry({ name: 'old-sparse', type: 'S', magic: 'gnu', patch: [...patch, [483, octal(size)]] }, data)
}

function octal(value: number): string {
  return Math.max(0, value).toString(8).padStart(11, '0')
}

function anyPaxSparse(random: Random): Buffer {
  const { regions, size, data } = anyRegions(random)
  const version = random.below(3)
  const records: [string, Bytes][] = []
  let head: Uint8Array = Buffer.alloc(0)
  if (version === 2) {
    records.push(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.name', 'sparse'])
    records.push(['GNU.sparse.realsize', String(size)])
    head = Buffer.from(
      `${regions.length}\n${regions
        .flat()
        .map(number => `${number}\n`)
        .join('')}`.padEnd(512, '\0'),
    )
  } else {
    records.push(['GNU.sparse.size', String(size)], ['GNU.sparse.numblocks', String(regions.length)])
    if (version === 1) records.push(['GNU.sparse.map', regions.flat().join(',')])
    else
      for (const [offset, length] of regions)
        records.push(['GNU.sparse.offset', String(offset)], ['GNU.sparse.numbytes', String(length)])
  }
  if (random.once(15)) records.splice(random.below(records.length), 1)
  const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)))
  return Buffer.concat([
    rawEntry({ name: 'PaxHeader', type: 'x' }, body),
    rawEntry({ name: 'sparse' }, Buffer.concat([head, data])),
  ])
}

/** Changes a byte; in a header mostly with the checksum that then is right. */
function damage(random: Random, tar: Buffer): void {
  const block = 512 * random.below(Math.ceil(tar.length / 512))
  const at = block + random.below(Math.min(512, tar.length - block))
  tar[at] = random.once(2) ? random.below(256) : (tar[at] ?? 0) ^ (1 << random.below(8))
  if (random.once(6) || block + 512 > tar.length) return
  tar.fill(' ', block + 148, block + 156)
  const sum = tar.subarray(block, block + 512).reduce((total, byte) => total + byte, 0)
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, block + 148, 'latin1')
}
