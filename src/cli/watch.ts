import type { OnProgress } from '../progress/events.ts'
import { chooseRenderer, type RendererName, renderers } from '../progress/index.ts'
import type { Context } from './context.ts'

/** Runs `work` while people see what it does; the screen is given back before anything else is said. */
export async function watched<Result>(
  context: Context,
  progress: RendererName | 'auto' | undefined,
  work: (onProgress: OnProgress) => Promise<Result>,
): Promise<Result> {
  const renderer = renderers[chooseRenderer(progress ?? 'auto', context)](context.screen)
  try {
    return await work(event => renderer.show(event))
  } finally {
    renderer.end()
  }
}
