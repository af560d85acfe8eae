/** Attributes of one file as they are kept: by name, its bytes as a latin1 string, each once. */
export type Xattrs = ReadonlyMap<string, Uint8Array>

/**
 * The attributes as bytes, the same for equal sets: sorted by name; a byte for the name's length, four (little-endian)
 * for the value's, name, value.
 */
export function packXattrs(xattrs: Xattrs): Buffer {
  const names = [...xattrs.keys()].sort()
  return Buffer.concat(
    names.flatMap(text => {
      const name = Buffer.from(text, 'latin1')
      const value = xattrs.get(text) ?? new Uint8Array()
      const lengths = Buffer.alloc(5)
      lengths.writeUInt8(name.length, 0)
      lengths.writeUInt32LE(value.length, 1)
      return [lengths, name, value]
    }),
  )
}

/** Undoes {@link packXattrs}. */
export function unpackXattrs(bytes: Uint8Array): Map<string, Buffer> {
  const from = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const xattrs = new Map<string, Buffer>()
  for (let at = 0; at < from.length; ) {
    const name = at + 5
    const value = name + from.readUInt8(at)
    const end = value + from.readUInt32LE(at + 1)
    xattrs.set(from.toString('latin1', name, value), from.subarray(value, end))
    at = end
  }
  return xattrs
}
