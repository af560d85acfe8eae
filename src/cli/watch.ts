import type { OnProgress } from '../progress/events.ts'
import { chooseRenderer, type RendererName, renderers } from '../progress/index.ts'
import type { Context } from './context.ts'

/**
 * Runs `work` while people see what it does; the screen is given back before anything else is said. A warning is shown
 * once an image, though every layer may have cause for it.
 */
export async function watched<Result>(
  context: Context,
  progress: RendererName | 'auto' | undefined,
  work: (onProgress: OnProgress) => Promise<Result>,
): Promise<Result> {
  const renderer = renderers[chooseRenderer(progress ?? 'auto', context)](context.screen)
  const warned = new Set<string>()
  try {
    return await work(event => {
      if (event.type === 'warning') {
        const warning = `${event.reference} ${event.message}`
        if (warned.has(warning)) return
        warned.add(warning)
      }
      renderer.show(event)
    })
  } finally {
    renderer.end()
  }
}
