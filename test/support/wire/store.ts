import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** What lies in a store, read without any of davit's code. */
export interface Stored {
  /** Digests by the names of their files. */
  readonly blobs: readonly string[]
  /** Files whose content doesn't hash to their name. */
  readonly wrong: readonly string[]
  readonly images: number
  readonly snapshots: number
  /** Of blobs, and of partial ones. */
  readonly bytes: number
}

export function readStore(root: string): Stored {
  const blobs = ['sha256', 'sha512'].flatMap(algorithm =>
    filesIn(join(root, 'blobs', algorithm)).map(path => {
      const hex = createHash(algorithm).update(readFileSync(path)).digest('hex')
      return {
        digest: `${algorithm}:${path.slice(path.lastIndexOf('/') + 1)}`,
        isRight: path.endsWith(`/${hex}`),
        path,
      }
    }),
  )
  const partial = filesIn(join(root, 'ingest'))
  return {
    blobs: blobs.map(({ digest }) => digest).toSorted(),
    wrong: blobs.filter(({ isRight }) => !isRight).map(({ digest }) => digest),
    images: filesIn(join(root, 'images')).filter(path => path.endsWith('.json')).length,
    snapshots: existsSync(join(root, 'snapshots')) ? readdirSync(join(root, 'snapshots')).length : 0,
    bytes: [...blobs.map(({ path }) => path), ...partial].reduce((total, path) => total + statSync(path).size, 0),
  }
}

function filesIn(directory: string): string[] {
  if (!existsSync(directory)) return []
  const names = readdirSync(directory, { recursive: true }).map(String)
  return names.map(name => join(directory, name)).filter(path => statSync(path).isFile())
}
