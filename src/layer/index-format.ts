import { crc32 } from 'node:zlib'
import { ImageError } from '../errors.ts'
import { checkIndex } from './index-check.ts'
import { indexColumns, type LayerIndex } from './layer-index.ts'

/** `davitidx`, read as two little-endian words: a machine of the other byte order refuses the file. */
const magic = [0x6976_6164, 0x7864_6974] as const
const version = 1
/** Every column begins at a multiple of it. */
const alignment = 8

const names = Object.keys(indexColumns) as (keyof LayerIndex)[]
/** Magic (2 words), version, checksum of all that follows it, a length for each column. */
const headerWords = 4 + names.length
const headerBytes = align(headerWords * 4)
const checkedFrom = 16

interface ViewType {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): LayerIndex[keyof LayerIndex]
}

/**
 * The index as bytes: a header, then the columns as they are.
 *
 * Shape: pieces to be written one after another, most of them views of the index.
 */
export function encodeIndex(index: LayerIndex): Uint8Array[] {
  const header = new Uint32Array(headerBytes / 4)
  header.set([...magic, version])
  const pieces: Uint8Array[] = [new Uint8Array(header.buffer)]
  for (const [i, name] of names.entries()) {
    const { buffer, byteOffset, byteLength, length } = index[name]
    header[4 + i] = length
    pieces.push(new Uint8Array(buffer, byteOffset, byteLength), new Uint8Array(align(byteLength) - byteLength))
  }
  const [head = new Uint8Array(0), ...columns] = pieces
  header[3] = columns.reduce((sum, piece) => crc32(piece, sum), crc32(head.subarray(checkedFrom)))
  return pieces
}

/**
 * Reads what {@link encodeIndex} made. The columns are views of `bytes`, which must not change.
 *
 * Errors: MALFORMED: another version, damaged, or not an index at all. It can be made again from the layer's tar.
 */
export function decodeIndex(bytes: Uint8Array): LayerIndex {
  // Views must be aligned; a file read whole is.
  const { buffer, byteOffset } = bytes.byteOffset % alignment === 0 ? bytes : Uint8Array.from(bytes)
  if (bytes.length < headerBytes) throw damaged('it is cut off')
  const header = new Uint32Array(buffer, byteOffset, headerWords)
  if (header[0] !== magic[0] || header[1] !== magic[1]) throw damaged('it is none')
  if (header[2] !== version) throw damaged(`its version is ${header[2]}, not ${version}`)
  if (header[3] !== crc32(bytes.subarray(checkedFrom))) throw damaged('its checksum differs')
  let at = headerBytes
  const columns = names.map((name, i) => {
    const type: ViewType = indexColumns[name]
    const length = header[4 + i] ?? 0
    const start = at
    at += align(length * type.BYTES_PER_ELEMENT)
    if (at > bytes.length) throw damaged(`${name} goes past its end`)
    return [name, new type(buffer, byteOffset + start, length)]
  })
  if (at !== bytes.length) throw damaged('bytes follow its end')
  // One of each name, of the type that the list says.
  const index = Object.fromEntries(columns) as LayerIndex
  const fault = checkIndex(index)
  if (fault !== undefined) throw damaged(fault)
  return index
}

function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment
}

function damaged(found: string): ImageError<'MALFORMED'> {
  return new ImageError('MALFORMED', `Cannot read a layer's index: ${found}`, { what: 'layer index' })
}
