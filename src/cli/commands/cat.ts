import { ImageError } from '../../errors.ts'
import { findNode } from '../../layer/find-node.ts'
import { InodeCursor } from '../../layer/tree.ts'
import { command } from '../command.ts'
import { platformFlag } from '../flags.ts'
import { localOnly, withTree } from '../local-layers.ts'

export const cat = command({
  description: `${localOnly} Symlinks are followed inside the image.`,
  arguments: { ref: { summary: 'Image that is here' }, path: { summary: 'File in it' } },
  flags: { ...platformFlag },
  async run(context, { path, ...image }) {
    await withTree(context, await context.look(), image, async files => {
      const node = findNode(files.tree, Buffer.from(path), { follow: true })
      const inode = new InodeCursor(files.tree).at(files.tree.inodes[node] ?? 0)
      if (inode.type !== 'file') throw notAFile(path, inode.type)
      for (const piece of files.content(inode)) {
        context.signal.throwIfAborted()
        await context.write(piece)
      }
    })
  },
})

const nouns = {
  directory: 'a directory',
  symlink: 'a symlink',
  character: 'a device',
  block: 'a device',
  fifo: 'a pipe',
}

function notAFile(path: string, type: keyof typeof nouns): ImageError {
  const details = { argument: 'path', value: path }
  return new ImageError('INVALID_ARGUMENT', `Cannot print ${JSON.stringify(path)}: it is ${nouns[type]}`, details)
}
