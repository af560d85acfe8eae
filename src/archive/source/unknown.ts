import { hasCode, ImageError } from '../../errors.ts'
import { blockBytes, parseHeader } from '../../layer/tar/header.ts'
import type { SourceFormat } from './spec.ts'

/** What tars are packed with elsewhere, and who unpacks it. */
const unknown = [
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a], command: 'xz -dc' },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68], command: 'bzip2 -dc' },
  { name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18], command: 'lz4 -dc' },
] as const

/** Errors: UNSUPPORTED for a stream that begins as one packed in a way that davit can't read. */
export function refuseUnknown(head: Uint8Array, path: string): void {
  const found = unknown.find(({ magic }) => magic.every((byte, at) => head[at] === byte))
  if (found === undefined) return
  const { name: what, command } = found
  const hint = `${command} ${path} | davit import -`
  throw new ImageError('UNSUPPORTED', `Cannot read ${path}: it is compressed with ${what}`, { what }, { hint })
}

/** What is being read, and as what. */
interface Found {
  readonly path: string
  readonly format: SourceFormat | undefined
  /** What it was unpacked from, by name. */
  readonly packing: string
}

/**
 * Refuses what isn't even the beginning of a tar, as all formats of files are. `head`: its first block, as far as it goes.
 *
 * Errors: MALFORMED, saying what was tried and what is there.
 */
export function refuseNoTar(head: Uint8Array, { path, format, packing }: Found): void {
  if (isTar(head)) return
  const tried = format ?? 'oci-archive, docker-archive or tar'
  const place = packing === 'none' ? 'it' : `what ${packing} packed in it`
  const found = head.length === 0 ? 'is empty' : `is ${kindOf(head)}, no tar`
  const hint =
    'give what docker save, podman save or davit export wrote, or a tar of files, plain or packed with gzip or zstd'
  const message = `Cannot read ${path} as ${tried}: ${place} ${found}`
  throw new ImageError('MALFORMED', message, { what: 'archive' }, { hint })
}

/** A broken one counts: its reader says what is wrong. */
function isTar(head: Uint8Array): boolean {
  if (head.length < blockBytes) return false
  if (startsWith(head.subarray(257), 'ustar')) return true
  try {
    parseHeader(head)
    return true
  } catch (error) {
    if (hasCode(error, 'MALFORMED')) return false
    throw error
  }
}

const kinds = [
  ['PK\x03\x04', 'a zip archive'],
  ['\x7fELF', 'a program'],
  ['hsqs', 'a squashfs image'],
] as const

function kindOf(head: Uint8Array): string {
  const known = kinds.find(([magic]) => startsWith(head, magic))
  if (known !== undefined) return known[1]
  const isText = head.every(byte => byte >= 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d)
  return isText ? 'text' : 'data of another kind'
}

function startsWith(bytes: Uint8Array, magic: string): boolean {
  return Buffer.from(bytes.subarray(0, magic.length)).equals(Buffer.from(magic, 'latin1'))
}

/** A directory that isn't a layout. Errors: NOT_FOUND. */
export function noLayout(path: string, isSaved: boolean): ImageError {
  const found = isSaved ? 'what docker save wrote, unpacked' : 'no oci-layout'
  const hint = isSaved
    ? `tar -C ${path} -c . | davit import docker-archive:-`
    : `a layout has oci-layout, index.json and blobs; of files: tar -C ${path} -c . | davit import tar:- REF`
  const details = { what: 'file', name: 'oci-layout' }
  return new ImageError('NOT_FOUND', `Cannot read ${path} as an OCI layout: there is ${found}`, details, { hint })
}
