import { createRequire } from 'node:module'
import type Koffi from 'koffi'
import { ImageError } from '../../errors.ts'

export const koffi = loadKoffi()

// Only before the first library is loaded, so all who load one have koffi from here.
// Calls that run beside the thread get a stack of their own; decoders keep tables of some hundred KiB on theirs.
koffi.config({ async_stack_size: 1 << 20 })

const memcpy = koffi.load(null).func('memcpy', 'uint64_t', ['void *', 'const void *', 'size_t'])

/** Errors: UNSUPPORTED: it has a binary for each machine, and none for this one. */
function loadKoffi(): typeof Koffi {
  try {
    return createRequire(import.meta.url)('koffi')
  } catch (cause) {
    const line = `Cannot make system calls on ${process.platform} ${process.arch}: koffi can't be loaded`
    throw new ImageError('UNSUPPORTED', line, { what: 'koffi' }, { cause, hint: 'npm ci installs it' })
  }
}

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
