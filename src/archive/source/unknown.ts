import { ImageError } from '../../errors.ts'

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
