import type { Renderer, Screen } from './renderer.ts'

/** Grows when a member changes its meaning or goes; new members don't count. */
export const jsonVersion = 1

/** One object a line, as the events are: `{"v":1,"time":"…","type":"blob",…}`. */
export function json(screen: Screen): Renderer {
  return {
    show(event) {
      screen.write(`${JSON.stringify({ v: jsonVersion, time: new Date().toISOString(), ...event })}\n`)
    },
    end() {},
  }
}
