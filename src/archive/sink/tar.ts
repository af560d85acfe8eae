import type { Descriptor } from '../../spec/descriptor.ts'
import type { Digest } from '../../spec/digest.ts'
import { blobPath } from '../oci-layout.ts'
import { INDEX, LAYOUT } from '../source/layout.ts'
import { formatIndex, layoutText, receive, type Sink } from './sink.ts'
import { openTarFile, type Write } from './tar-file.ts'

/**
 * An OCI layout in a tar. It is written at `PATH.new`, blob after blob as they come, and has its name when it is whole.
 *
 * Errors: INVALID_ARGUMENT: something that is no file has the name; DENIED, NO_SPACE.
 */
export async function openTarSink(path: string): Promise<Sink> {
  const tar = await openTarFile(path)
  const written = new Set<Digest>()
  let index: string | undefined

  async function putBlob({ digest, size }: Descriptor, fill: (write: Write) => Promise<unknown>): Promise<boolean> {
    return await tar.inTurn(async () => {
      if (written.has(digest)) return false
      await tar.put(blobPath(digest), size, fill)
      written.add(digest)
      return true
    })
  }

  const putText = (name: string, text: string) =>
    tar.put(name, Buffer.byteLength(text), write => write(Buffer.from(text)))

  return {
    host: undefined,
    async pushBlob(descriptor, content, options = {}) {
      const isNew = await putBlob(descriptor, write => receive(content, descriptor, options, write))
      return isNew ? 'uploaded' : 'exists'
    },
    hasManifest: async ({ digest }, { tag } = {}) => tag === undefined && written.has(digest),
    async pushManifest(descriptor, bytes, { tag } = {}) {
      await putBlob(descriptor, write => write(bytes))
      if (tag !== undefined) index = formatIndex([], descriptor, tag)
    },
    async end() {
      if (index === undefined) throw new TypeError('Nothing in it has a name')
      await putText(LAYOUT, layoutText)
      await putText(INDEX, index)
      await tar.end()
      return undefined
    },
    close: () => tar.close(),
  }
}
