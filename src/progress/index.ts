import { json } from './json.ts'
import { plain } from './plain.ts'
import { quiet } from './quiet.ts'
import type { Renderer, Screen } from './renderer.ts'
import { tty } from './tty.ts'

export type RendererName = 'tty' | 'plain' | 'json' | 'quiet'

export const renderers: Readonly<Record<RendererName, (screen: Screen) => Renderer>> = { tty, plain, json, quiet }

/** `auto`: redrawn lines where somebody sits before them, else a log. */
export function chooseRenderer(
  wanted: RendererName | 'auto',
  terminal: { readonly interactive: boolean },
): RendererName {
  if (wanted !== 'auto') return wanted
  return terminal.interactive ? 'tty' : 'plain'
}
