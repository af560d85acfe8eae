import type { Renderer } from './renderer.ts'

/** Nothing but errors, and those aren't a renderer's. */
export function quiet(): Renderer {
  return { show() {}, end() {} }
}
