import { decompress } from '../../../src/layer/compression/decompress.ts'
import { TarReader } from '../../../src/layer/tar/reader.ts'
import { readChannel } from '../../../src/rootfs/extract/source.ts'
import { openHostDirectory } from '../../../src/system/jail.ts'
import { openSys } from '../../../src/system/sys/linux.ts'
import type { Channel, Task } from '../../../src/system/workers.ts'
import { NaiveExtractor } from '../../support/naive-extractor.ts'

/** Applies a layer to a directory without any care for names: what a jail is for. */
export const applyNaively: Task<string, Uint8Array, { want: true }, void> = {
  module: import.meta.url,
  name: applyNaivelyTask.name,
}

export async function applyNaivelyTask(directory: string, channel: Channel<Uint8Array, { want: true }>): Promise<void> {
  const fd = openHostDirectory(directory)
  try {
    // In a jail, the number of a descriptor is a path.
    const reader = new TarReader(new NaiveExtractor(`./${fd}`))
    for await (const piece of decompress(readChannel(channel))) reader.push(piece)
    reader.end()
  } finally {
    openSys().close(fd)
  }
}
