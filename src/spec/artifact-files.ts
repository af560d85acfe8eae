import { ImageError } from '../errors.ts'
import type { Descriptor } from './descriptor.ts'
import { malformed, printable } from './json.ts'
import type { Manifest } from './manifest.ts'

/** One file of an artifact. */
export interface ArtifactFile {
  /** Names from the directory down, none of them `.` or `..`. */
  readonly path: readonly string[]
  readonly blob: Descriptor
}

/** Where a layer says what its file is called. */
const TITLE = 'org.opencontainers.image.title'

/** Linux's NAME_MAX, and as deep as anybody's archive. */
const maxNameBytes = 255
const maxDepth = 64

/**
 * The files that an artifact's layers say they are, in the manifest's order; layers without a title are none.
 *
 * Errors: UNSAFE for a title that leads out of the directory, or is no path; MALFORMED for two that are in each other's way.
 * Source: OCI image-spec v1.1, "Annotations", `org.opencontainers.image.title`; oras, "File Store".
 */
export function artifactFiles({ layers }: Pick<Manifest, 'layers'>): readonly ArtifactFile[] {
  const files = layers.flatMap(blob => {
    const title = blob.annotations?.[TITLE]
    return title === undefined ? [] : [{ path: safePath(title), blob }]
  })
  const names = new Set(files.map(({ path }) => path.join('/')))
  if (names.size < files.length) throw malformed('artifact', 'two of its files have one name')
  for (const { path } of files) {
    for (let depth = 1; depth < path.length; depth++) {
      if (names.has(path.slice(0, depth).join('/')))
        throw malformed('artifact', `${printable(path.join('/'))} is below a file`)
    }
  }
  return files
}

function safePath(title: string): readonly string[] {
  const path = title.split('/')
  const isSafe = path.length <= maxDepth && path.every(isName)
  if (isSafe) return path
  const message = `Cannot write file "${printable(title)}" of the artifact: its title is no path inside a directory`
  throw new ImageError('UNSAFE', message, { what: 'title' })
}

/** Neither empty nor dots; no control characters, which only deceive; what JSON can say and UTF-8 can't is none either. */
function isName(name: string): boolean {
  if (name === '' || name === '.' || name === '..' || /[\p{Cc}\p{Cs}]/u.test(name)) return false
  return Buffer.byteLength(name) <= maxNameBytes
}
