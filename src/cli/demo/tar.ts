/** A file system object of the sample; what isn't said is root's and plain. */
export interface SampleEntry {
  readonly path: string
  readonly type: 'file' | 'directory' | 'symlink' | 'hardlink'
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  readonly data?: Uint8Array
  readonly link?: string
}

const blockBytes = 512

/** Type flags of POSIX.1-1988 ustar. */
const typeFlags = { file: '0', hardlink: '1', symlink: '2', directory: '5' } as const

/** 2026-01-01: a sample that is the same every time has the same digests every time. */
export const sampleSeconds = 1_767_225_600

/** A ustar archive of `entries`: short ASCII names and small numbers, as the sample has. */
export function tarOf(entries: readonly SampleEntry[]): Buffer {
  const blocks = entries.flatMap(entry => {
    const data = entry.data ?? new Uint8Array()
    return [headerOf(entry, data.length), data, Buffer.alloc(-data.length & (blockBytes - 1))]
  })
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)])
}

function headerOf({ path, type, mode, uid = 0, gid = 0, link = '' }: SampleEntry, size: number): Buffer {
  const header = Buffer.alloc(blockBytes)
  header.write(path, 0)
  header.write(octal(mode ?? (type === 'directory' ? 0o755 : 0o644), 8), 100)
  header.write(octal(uid, 8), 108)
  header.write(octal(gid, 8), 116)
  header.write(octal(size, 12), 124)
  header.write(octal(sampleSeconds, 12), 136)
  header.write(' '.repeat(8), 148)
  header.write(typeFlags[type], 156)
  header.write(link, 157)
  header.write('ustar\x0000', 257, 'latin1')
  const checksum = header.reduce((sum, byte) => sum + byte, 0)
  header.write(`${octal(checksum, 7)}\x00`, 148, 'latin1')
  return header
}

/** Zero-padded, with the NUL that ends the field. */
function octal(value: number, bytes: number): string {
  return value.toString(8).padStart(bytes - 1, '0')
}
