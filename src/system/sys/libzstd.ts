import { beside, type Decoder } from './decoder.ts'
import { addressOf, loadLibrary } from './ffi.ts'

/** `ZSTD_inBuffer` and `ZSTD_outBuffer` (zstd.h): address, size, position; each as long as a pointer. */
const BUFFER_BYTES = 24
const SIZE = 8
const POSITION = 16

let opener: (() => Decoder) | undefined | null = null

/** Opens zstd decoders of the system's libzstd; undefined when the machine doesn't have it. Frames may follow each other. */
export function libzstd(): (() => Decoder) | undefined {
  if (opener === null) opener = bindLibzstd()
  return opener
}

function bindLibzstd(): (() => Decoder) | undefined {
  const library = loadLibrary('libzstd.so.1')
  if (library === undefined) return undefined
  const create = library.func('ZSTD_createDStream', 'void *', [])
  const free = library.func('ZSTD_freeDStream', 'size_t', ['void *'])
  const decompress = library.func('ZSTD_decompressStream', 'size_t', ['void *', 'uint64_t', 'uint64_t'])
  const isError = library.func('ZSTD_isError', 'uint', ['size_t'])
  const nameOf = library.func('ZSTD_getErrorName', 'const char *', ['size_t'])

  return () => {
    const stream = create()
    const [from, to] = [Buffer.allocUnsafeSlow(BUFFER_BYTES), Buffer.allocUnsafeSlow(BUFFER_BYTES)]
    const [fromAddress, toAddress] = [addressOf(from), addressOf(to)]
    return {
      async step(input, output) {
        aim(from, input)
        aim(to, output)
        const result = await beside(decompress, stream, toAddress, fromAddress)
        if (isError(result) !== 0) throw new Error(`libzstd: ${nameOf(result)}`)
        const [read, written] = [Number(from.readBigUInt64LE(POSITION)), Number(to.readBigUInt64LE(POSITION))]
        return { read, written, ended: result === 0 }
      },
      // The library goes on to the next frame by itself.
      reset() {},
      close: () => free(stream),
    }
  }
}

function aim(buffer: Buffer, bytes: Uint8Array): void {
  buffer.writeBigUInt64LE(addressOf(bytes), 0)
  buffer.writeBigUInt64LE(BigInt(bytes.length), SIZE)
  buffer.writeBigUInt64LE(0n, POSITION)
}
