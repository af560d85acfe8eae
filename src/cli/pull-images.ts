import type { Parts } from '../parts.ts'
import type { OnProgress } from '../progress/events.ts'
import type { RendererName } from '../progress/index.ts'
import { warningsTo } from '../pull/jobs.ts'
import type { PulledImage, PullOptions } from '../pull/pull.ts'
import type { Source } from '../registry/registry.ts'
import { formatReference, type Reference } from '../spec/reference.ts'
import type { CollectableParts } from './collectable.ts'
import type { Context } from './context.ts'
import { platformsFor, type TypedPlatforms } from './platforms.ts'
import { pulledJson, pulledLines } from './pulled.ts'
import { watched } from './watch.ts'

/** What a pull and the questions before it take. */
export type PullingParts = Pick<Parts, 'forPull'> & CollectableParts & { resolver(): Promise<Source> }

/** The same parts, taking images from `source` instead of registries. */
export function takingFrom(parts: Parts, source: Source): PullingParts {
  return {
    ...parts,
    resolver: async () => source,
    forPull: (onWarning, snapshotter) => parts.forPull(onWarning, snapshotter, source),
  }
}

/** `pullImage` with the parts that the settings name. Loaded now: help and completion don't need it. */
export async function pullWith(
  parts: PullingParts,
  reference: Reference,
  options: PullOptions & { readonly onProgress: OnProgress },
): Promise<PulledImage> {
  const { pullImage } = await import('../pull/pull.ts')
  const onWarning = warningsTo(options.onProgress, formatReference(reference))
  const findFreeable = async () => (await import('./find-freeable.ts')).findFreeable(parts)
  return pullImage({ ...(await parts.forPull(onWarning)), findFreeable }, reference, options)
}

/** An image to be pulled, and where it is taken from. */
export interface Wanted {
  readonly parts: PullingParts
  readonly reference: Reference
}

export interface PullAllOptions {
  readonly platforms: TypedPlatforms
  readonly progress: RendererName | 'auto' | undefined
  readonly json: boolean
  readonly options: PullOptions
}

/** Pulls images one after another, each for every platform, and prints those that are here then, whatever comes of the rest. */
export async function pullAll(
  context: Context,
  wanted: readonly Wanted[],
  { platforms, progress, json, options }: PullAllOptions,
): Promise<void> {
  const pulled: PulledImage[] = []
  const { signal } = context
  try {
    await watched(context, progress, async onProgress => {
      for (const { parts, reference } of wanted) {
        for (const platform of await platformsFor(context, parts, reference, platforms)) {
          const own = platform === undefined ? {} : { platform }
          pulled.push(await pullWith(parts, reference, { ...options, ...own, signal, onProgress }))
        }
      }
    })
  } finally {
    const isOne = wanted.length === 1 && 'length' in platforms && platforms.length === 1
    if (pulled.length > 0) await context.write(json ? pulledJson(pulled, isOne) : pulledLines(pulled))
  }
}
