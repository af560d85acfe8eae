import { counted } from '../../progress/format.ts'
import type { ImageRecord } from '../../store/images.ts'
import { command } from '../command.ts'
import { jsonFlag, lockTimeoutFlag } from '../flags.ts'
import { formatJson } from '../table.ts'
import { lockTimeoutOf } from '../typed.ts'

export const rebuild = command({
  description:
    'The files are the authority; the database only finds things faster. Waits until no other davit is at work. What only the database knew is lost: roots that users of the library set, and further repositories that a blob came from.',
  arguments: {},
  flags: { ...lockTimeoutFlag, ...jsonFlag },
  async run(context, typed) {
    const { lockTimeoutMs } = lockTimeoutOf(typed.lockTimeout)
    const parts = await context.open()
    const [layout, workers, images] = [await parts.layout(), await parts.workers(), await parts.images()]
    const [{ rebuildDb }, { describeImage }, { openFsStore }, { lmdbLabels }, { lmdbBlobMapping }] = await Promise.all([
      import('../../store/rebuild-db.ts'),
      import('../../pull/rebuild.ts'),
      import('../../store/content/fs.ts'),
      import('../../store/content/lmdb-labels.ts'),
      import('../../store/lmdb-blob-mapping.ts'),
    ])
    const options = { signal: context.signal, ...(lockTimeoutMs !== undefined && { timeoutMs: lockTimeoutMs }) }
    const incomplete: ImageRecord[] = []
    let described = 0
    await rebuildDb(
      layout,
      async db => {
        const contentStore = openFsStore({ layout, labels: lmdbLabels(db), workers })
        const into = { contentStore, blobMapping: lmdbBlobMapping(db) }
        for await (const image of images.walk()) {
          context.signal.throwIfAborted()
          if (await describeImage(into, image, context.signal)) described += 1
          else incomplete.push(image)
        }
      },
      options,
    )
    const names = incomplete.map(({ reference }) => reference)
    if (typed.json) return context.write(formatJson({ images: described, incomplete: names }))
    await context.write(`rebuilt the database from ${counted(described, 'image')}\n`)
    for (const name of names) context.note(`${name}: its documents can’t be read (davit verify --repair)`)
  },
})
