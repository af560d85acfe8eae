import { ImageError } from '../errors.ts'
import type { Descriptor } from '../spec/descriptor.ts'
import type { Digest } from '../spec/digest.ts'

/** An index of indexes of manifests of layers: real images need three levels. */
const MAX_DEPTH = 4
/** Descriptors that one pull may meet; the largest real indexes have some fifty platforms of a hundred layers. */
const MAX_DESCRIPTORS = 10_000

/** Looks at one descriptor and says what it leads to. */
export type Handler = (descriptor: Descriptor, signal: AbortSignal) => Promise<readonly Descriptor[]>

/** Thrown by a handler: drop this descriptor and all below it, and go on with its siblings. */
export class SkipDescriptor extends Error {}

/** Thrown by a handler: the handlers after it don't see this descriptor; children found so far stay. */
export class StopHandlers extends Error {}

/** One handler out of several, called in turn; their children add up. */
export function inTurn(...handlers: readonly Handler[]): Handler {
  return async (descriptor, signal) => {
    const children: Descriptor[] = []
    try {
      for (const handler of handlers) children.push(...(await handler(descriptor, signal)))
    } catch (error) {
      if (!(error instanceof StopHandlers)) throw error
    }
    return children
  }
}

/**
 * Shows `handler` the graph below `root`, siblings at once, each digest once.
 *
 * Errors: what a handler throws; LIMIT_EXCEEDED for a graph too deep or too wide. The first error ends the walk, after
 * the handlers that were running have ended.
 */
export async function dispatch(handler: Handler, root: Descriptor, signal: AbortSignal): Promise<void> {
  const seen = new Set<Digest>()

  async function visit(descriptor: Descriptor, depth: number): Promise<void> {
    if (seen.has(descriptor.digest)) return
    seen.add(descriptor.digest)
    limit('depth of the image graph', MAX_DEPTH, depth)
    limit('descriptors of an image', MAX_DESCRIPTORS, seen.size)
    signal.throwIfAborted()
    const children = await handler(descriptor, signal).catch(skipped)
    const ends = await Promise.allSettled(children.map(child => visit(child, depth + 1)))
    const failed = ends.find(end => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  await visit(root, 1)
}

function skipped(error: unknown): readonly Descriptor[] {
  if (error instanceof SkipDescriptor) return []
  throw error
}

function limit(name: string, max: number, actual: number): void {
  if (actual <= max) return
  throw new ImageError('LIMIT_EXCEEDED', `Cannot walk this image: the ${name} passes ${max}`, {
    limit: name,
    max,
    actual,
  })
}
