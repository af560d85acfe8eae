import { hasCode, ImageError } from '../errors.ts'
import { formatBytes } from '../progress/format.ts'
import type { Job } from './jobs.ts'

/** Bytes that could be had. */
export interface Freeable {
  /** By a collection: nothing needs them. */
  readonly unneeded: number
  /** By a collection after images that nobody uses have gone, too. */
  readonly unused: number
}

/** Finds out what could be freed, and writes nothing: it is asked on a full disk. */
export type FindFreeable = () => Promise<Freeable>

/** A NO_SPACE with how much was still to come, and what could be freed, as far as that can be told; others as they are. */
export async function explainNoSpace(error: unknown, jobs: readonly Job[], find?: FindFreeable): Promise<unknown> {
  if (!hasCode(error, 'NO_SPACE')) return error
  const left = jobs.filter(({ state }) => state !== 'done' && state !== 'exists')
  const neededBytes = left.reduce((sum, { descriptor, offset }) => sum + Math.max(descriptor.size - offset, 0), 0)
  const needed = `${neededBytes === 0 ? '' : `${formatBytes(neededBytes)}, and `}what the layers unpack to`
  // What went wrong first is what has to be said.
  const freeable = await find?.().catch(() => undefined)
  const details = { ...error.details, neededBytes, ...(freeable && { freeableBytes: freeable.unneeded }) }
  const hint = freeable === undefined ? error.hint : hintOf(freeable)
  return new ImageError('NO_SPACE', `${error.message}; still to come: ${needed}`, details, {
    cause: error,
    ...(hint !== undefined && { hint }),
  })
}

function hintOf({ unneeded, unused }: Freeable): string {
  const gc = `davit gc would free ${formatBytes(unneeded)}`
  return unused > unneeded ? `${gc}, davit images prune ${formatBytes(unused)}` : gc
}
