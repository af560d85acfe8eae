import koffi from 'koffi'

// Calls that run beside the thread get a stack of their own; decoders keep tables of some hundred KiB on theirs.
koffi.config({ async_stack_size: 1 << 20 })

const memcpy = koffi.load(null).func('memcpy', 'uint64_t', ['void *', 'const void *', 'size_t'])

/** Where `bytes` lie in memory. They must be held, and not be transferred, as long as the address is used. */
export function addressOf(bytes: Uint8Array): bigint {
  // Copies nothing, and answers with its first argument.
  return BigInt(memcpy(bytes, bytes, 0))
}

/** The first of these shared libraries that the machine has. */
export function loadLibrary(...names: readonly string[]): ReturnType<typeof koffi.load> | undefined {
  for (const name of names) {
    try {
      return koffi.load(name)
    } catch {
      // Not here, or under another name.
    }
  }
  return undefined
}
