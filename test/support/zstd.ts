/** A zstd block: raw, or one byte over and over. */
export function block(data: string | Uint8Array, { last = true, repeat = 0 } = {}): Buffer {
  const bytes = Buffer.from(data)
  const size = repeat > 0 ? repeat : bytes.length
  const header = Buffer.alloc(3)
  header.writeUIntLE((size << 3) | (repeat > 0 ? 2 : 0) | (last ? 1 : 0), 0, 3)
  return Buffer.concat([header, bytes])
}

/** A frame with a window of 1 KiB, unless `header` says otherwise. */
export function frame(blocks: readonly Buffer[], header: readonly number[] = [0x00, 0x00]): Buffer {
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, ...header]), ...blocks])
}

export function skippable(data: string, nibble = 0): Buffer {
  const size = Buffer.alloc(4)
  size.writeUInt32LE(data.length)
  return Buffer.concat([Buffer.from([0x50 + nibble, 0x2a, 0x4d, 0x18]), size, Buffer.from(data)])
}

/** Any bytes as one frame, not made smaller. */
export function storeZstd(bytes: Uint8Array): Buffer {
  const count = Math.max(1, Math.ceil(bytes.length / blockBytes))
  const blocks = Array.from({ length: count }, (_, i) =>
    block(bytes.subarray(i * blockBytes, (i + 1) * blockBytes), { last: i === count - 1 }),
  )
  // A window of 128 KiB: no block may be larger than the window.
  return frame(blocks, [0x00, 7 << 3])
}

const blockBytes = 2 ** 17
