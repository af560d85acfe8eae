import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { BlobReader } from './store.ts'

export async function openFsReader(path: string): Promise<BlobReader> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  const { size } = await file.stat()
  return {
    size,
    path,
    async read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)))
      let done = 0
      while (done < bytes.length) {
        const { bytesRead } = await file.read(bytes, done, bytes.length - done, offset + done)
        if (bytesRead === 0) break
        done += bytesRead
      }
      return bytes.subarray(0, done)
    },
    close: () => file.close(),
  }
}
