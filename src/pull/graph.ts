import type { Descriptor } from '../spec/descriptor.ts'
import { isLayer, isSchema1 } from '../spec/media-types.ts'
import { dropIfDamaged } from '../store/content/damage.ts'
import { readBlob } from '../store/content/read.ts'
import { inlineWorkers } from '../system/inline.ts'
import { bestMatch, childrenOf, imagesOnly, labelChildren } from './children.ts'
import type { PlatformChoice } from './choose.ts'
import { dispatch, type Handler, inTurn } from './dispatch.ts'
import { fetchBlob } from './fetch.ts'
import { type Converting, convertedBy, fetchSchema1 } from './schema1.ts'

export interface Graph extends Converting {
  readonly choice: PlatformChoice
}

/**
 * Walks from `target` to the chosen image, fetching documents on the way. Layers are only recorded: what to do with
 * them, the config says. So nothing large is asked for before all that describes it agrees.
 *
 * Errors: the fetcher's and the store's; NO_MATCHING_PLATFORM; UNSUPPORTED for what is no image.
 */
export async function fetchDocuments(graph: Graph, target: Descriptor, signal: AbortSignal): Promise<void> {
  const { contentStore, jobs, choice } = graph

  const record: Handler = async descriptor => {
    jobs.add(descriptor)
    return []
  }
  const fetch: Handler = async descriptor => {
    if (isLayer(descriptor.mediaType)) return []
    const job = jobs.add(descriptor)
    const bring = isSchema1(descriptor.mediaType) ? fetchSchema1 : fetchBlob
    await bring(graph, job, signal)
    // They are small, and everything else is believed because of them.
    if (job.state === 'exists' && (await dropIfDamaged(contentStore, inlineWorkers(), descriptor, { signal }))) {
      await bring(graph, job, signal)
    }
    return []
  }
  const labelled = labelChildren(contentStore, childrenOf(contentStore))
  // It stays with its index, so that the choice can be made again without the network.
  const read = async (descriptor: Descriptor) => {
    await fetch(descriptor, signal)
    await labelled(descriptor, signal)
    return readBlob(contentStore, descriptor.digest)
  }
  const children = convertedBy(graph, imagesOnly(contentStore, childrenOf(contentStore)))
  await dispatch(inTurn(record, fetch, bestMatch(labelChildren(contentStore, children), choice, read)), target, signal)
}
