import { crc32 } from 'node:zlib'

/** Last member of a record's file: a record has no digest in its name that could tell whether it is whole. */
const MEMBER = 'checksum'

/** The text of a record's file: its members, and the CRC-32 of them. */
export function formatChecked(record: object): string {
  return `${JSON.stringify({ ...record, [MEMBER]: checksumOf(record) }, null, 2)}\n`
}

/** Whether a record, as JSON was read, is what was written; one without a checksum is an old one, and believed. */
export function isChecked(record: unknown): boolean {
  if (typeof record !== 'object' || record === null || !(MEMBER in record)) return true
  const { [MEMBER]: checksum, ...rest } = record
  return checksum === checksumOf(rest)
}

function checksumOf(record: object): string {
  return crc32(JSON.stringify(record)).toString(16)
}
