import { kind, type LayerIndex } from './layer-index.ts'

/** What a reader takes for granted of an index: the first rule that it breaks, or undefined. */
export function checkIndex(index: LayerIndex): string | undefined {
  return checkNames(index) ?? checkRows(index) ?? checkSegments(index) ?? checkXattrs(index)
}

function checkNames({ nodeParents, nameEnds, names }: LayerIndex): string | undefined {
  const count = nodeParents.length
  if (count === 0 || nameEnds.length !== count || nameEnds[0] !== 0 || nameEnds[count - 1] !== names.length) {
    return 'its names do not fit'
  }
  if (names.includes(0) || names.includes(slash)) return 'a name holds a slash or a NUL'
  for (let node = 1; node < count; node++) {
    if ((nodeParents[node] ?? 0) >= node) return 'a name stands before its directory'
    const start = nameEnds[node - 1] ?? 0
    const length = (nameEnds[node] ?? 0) - start
    if (length < 1 || length > maxNameBytes) return 'a name is too short or too long'
    const dots = length <= 2 && names[start] === dot && (length === 1 || names[start + 1] === dot)
    if (dots) return 'a name is a dot or two'
  }
  return undefined
}

const slash = 0x2f
const dot = 0x2e
const maxNameBytes = 255

function checkRows(index: LayerIndex): string | undefined {
  const { node, nodeParents, kind: kinds, mode, uid, gid, seconds, nanoseconds, size, data, xattrs } = index
  const count = node.length
  const columns = [kinds, mode, uid, gid, seconds, nanoseconds, size, data, xattrs]
  if (columns.some(column => column.length !== count)) return 'its rows have holes'
  for (let row = 0; row < count; row++) {
    if ((node[row] ?? 0) >= nodeParents.length) return 'a row has no name'
    if (node[row] === 0 && kinds[row] !== kind.directory && kinds[row] !== kind.opaque)
      return 'the root is no directory'
    if ((mode[row] ?? 0) > 0o7777 || (nanoseconds[row] ?? 0) > 999_999_999) return 'a mode or a time is out of range'
    if (!isTime(seconds[row]) || !isCount(size[row]) || !isCount(data[row])) return 'a number is out of range'
    if ((xattrs[row] ?? 0) > index.xattrEnds.length) return 'a row has attributes that are not there'
    if (!fits(index, row)) return 'a row leads nowhere'
  }
  return undefined
}

/** True when `data` is what the row's kind says. */
function fits(index: LayerIndex, row: number): boolean {
  const [data, size] = [index.data[row] ?? 0, index.size[row] ?? 0]
  switch (index.kind[row]) {
    case kind.file:
      return isCount(data + size)
    case kind.scattered:
      return data < index.scatteredEnds.length
    case kind.symlink:
      return size > 0 && size < maxPathBytes && data + size <= index.texts.length
    case kind.hardlink:
      return data < index.nodeParents.length
    case kind.character:
    case kind.block:
      return data < 2 ** 32
    case kind.directory:
    case kind.fifo:
    case kind.whiteout:
    case kind.opaque:
      return true
    default:
      return false
  }
}

const maxPathBytes = 4096

/** Segments of a file ascend and lie within it; the file's size is looked up by the row that names them. */
function checkSegments(index: LayerIndex): string | undefined {
  const { kind: kinds, data, size, scatteredEnds, segmentTar, segmentFile, segmentLength } = index
  const count = segmentTar.length
  if (segmentFile.length !== count || segmentLength.length !== count) return 'its segments have holes'
  if (!ascends(scatteredEnds, count)) return 'its segments do not fit'
  for (let row = 0; row < kinds.length; row++) {
    if (kinds[row] !== kind.scattered) continue
    const which = data[row] ?? 0
    let end = 0
    for (let i = which === 0 ? 0 : (scatteredEnds[which - 1] ?? 0); i < (scatteredEnds[which] ?? 0); i++) {
      const [tar, from, length] = [segmentTar[i] ?? -1, segmentFile[i] ?? -1, segmentLength[i] ?? -1]
      if (!isCount(tar) || !isCount(from) || !isCount(length) || !isCount(tar + length))
        return 'a segment is out of range'
      if (length === 0 || from < end || from + length > (size[row] ?? 0)) return 'a segment lies outside its file'
      end = from + length
    }
  }
  return undefined
}

function checkXattrs({ xattrEnds, xattrBytes }: LayerIndex): string | undefined {
  if (!ascends(xattrEnds, xattrBytes.length)) return 'its attributes do not fit'
  let at = 0
  for (const end of xattrEnds) {
    while (at < end) {
      const name = xattrBytes[at] ?? 0
      const value = new DataView(xattrBytes.buffer, xattrBytes.byteOffset + at)
      if (at + 5 > end || name === 0) return 'an attribute is cut off'
      at += 5 + name + value.getUint32(1, true)
    }
    if (at !== end) return 'an attribute is cut off'
  }
  return undefined
}

/** Ends of pieces that lie one after another and fill `total`. */
function ascends(ends: Uint32Array, total: number): boolean {
  return ends.every((end, i) => end >= (ends[i - 1] ?? 0)) && (ends.at(-1) ?? 0) === total
}

function isCount(value: number | undefined): boolean {
  return Number.isSafeInteger(value) && (value ?? -1) >= 0
}

function isTime(value: number | undefined): boolean {
  return Number.isSafeInteger(value) && (value ?? 0) >= -(2 ** 31) && (value ?? 0) < 2 ** 34 - 2 ** 31
}
