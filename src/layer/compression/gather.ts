/** What a receiver is given at least, so that passing a piece on costs little beside its work. */
const largeBytes = 2 ** 19
const pieceBytes = 2 ** 20

/**
 * Passes `source` on in large pieces: small ones are copied together, large ones go as they are.
 *
 * Shape: 512 KiB and more, but for the last.
 */
export async function* gather(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(0)
  let used = 0
  for await (let chunk of source) {
    if (used === 0 && chunk.length >= largeBytes) {
      yield chunk
      continue
    }
    while (chunk.length > 0) {
      if (used === 0) piece = new Uint8Array(pieceBytes)
      const part = chunk.subarray(0, pieceBytes - used)
      piece.set(part, used)
      used += part.length
      chunk = chunk.subarray(part.length)
      if (used === pieceBytes) {
        yield piece
        used = 0
      }
    }
  }
  if (used > 0) yield piece.subarray(0, used)
}
