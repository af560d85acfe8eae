import type { Descriptor } from '../spec/descriptor.ts'
import { isLayer } from '../spec/media-types.ts'
import type { Group } from '../system/group.ts'
import { bestMatch, childrenOf, labelChildren, type PlatformChoice } from './children.ts'
import { dispatch, type Handler, inTurn } from './dispatch.ts'
import { type Fetching, fetchBlob } from './fetch.ts'
import type { Jobs } from './jobs.ts'
import { MAX_LAYERS_IN_FLIGHT, Turns } from './schedule.ts'

export interface Graph extends Fetching {
  readonly jobs: Jobs
  readonly choice: PlatformChoice
  /** Layers are fetched as its members, beside the walk. */
  readonly group: Group
}

/**
 * Walks from `target` to the chosen image, fetching on the way. Returns when all documents are in the store and each
 * layer is under way: its job's `ready` tells when it has arrived.
 *
 * Errors: the fetcher's and the store's; NO_MATCHING_PLATFORM; UNSUPPORTED, before any layer is asked for, for what is
 * no image.
 */
export async function fetchGraph(graph: Graph, target: Descriptor): Promise<void> {
  const { contentStore, jobs, choice, group } = graph
  const turns = new Turns(MAX_LAYERS_IN_FLIGHT)

  const record: Handler = async descriptor => {
    jobs.add(descriptor)
    return []
  }
  const fetch: Handler = async descriptor => {
    const job = jobs.add(descriptor)
    const bring = (signal: AbortSignal) => fetchBlob(graph, job, signal)
    const layer = isLayer(descriptor.mediaType)
    job.ready = group.run(signal => (layer ? turns.take(() => bring(signal), signal) : bring(signal)))
    if (!layer) await job.ready
    return []
  }
  const children = labelChildren(contentStore, childrenOf(contentStore))
  await dispatch(inTurn(record, fetch, bestMatch(children, choice)), target, group.signal)
}
