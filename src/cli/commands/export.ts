import { ImageError } from '../../errors.ts'
import { exportErofs } from '../../rootfs/erofs-export.ts'
import { command } from '../command.ts'
import { platformFlag } from '../flags.ts'
import { localOnly, withLayers } from '../local-layers.ts'
import { replaceFile } from '../replace-file.ts'

const formats = ['erofs'] as const

export const exportCommand = command({
  description: `A file that is there is replaced, when the new one is whole. erofs: one file that holds everything, to be mounted or to be a virtual machine’s read-only disk; the same image gives the same bytes. ${localOnly}`,
  arguments: { ref: { summary: 'Image that is here' }, file: { summary: 'File to write, or - for stdout' } },
  flags: { format: { value: 'FORMAT', choices: formats, summary: 'What to write' }, ...platformFlag },
  async run(context, { file, format, ...image }) {
    if (format === undefined) throw noFormat()
    if (file === '-' && context.isTerminal) throw onTerminal()
    const parts = await context.open()
    await withLayers(context, parts, image, async layers => {
      const pieces = exportErofs(await parts.workers(), layers, { signal: context.signal })
      if (file !== '-') return replaceFile(file, pieces)
      for await (const piece of pieces) await context.write(piece)
    })
  },
})

function noFormat(): ImageError {
  const details = { argument: '--format' }
  return new ImageError('INVALID_ARGUMENT', 'Cannot export without a format', details, { hint: '--format erofs' })
}

function onTerminal(): ImageError {
  const details = { argument: 'file', value: '-' }
  return new ImageError('INVALID_ARGUMENT', 'Cannot export to a terminal', details, {
    hint: 'name a file, or use a pipe',
  })
}
