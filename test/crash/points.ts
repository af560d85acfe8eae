import type { Errno, Fault } from './at-call.ts'
import type { Expected } from './lane.ts'
import type { Scenario } from './scenarios.ts'

export type Suite = 'kill' | 'errno' | 'power'

/** One thing to be tried. */
export interface Point {
  readonly name: string
  readonly scenario: Scenario
  readonly fault: Fault
}

const errnos: readonly Errno[] = ['ENOSPC', 'EDQUOT', 'EIO', 'EMFILE', 'EACCES', 'EROFS']

/** All points of a scenario that makes so many calls. A power cut may also come after the last. */
export function pointsOf(suite: Suite, scenario: Scenario, { calls, childCalls }: Expected): readonly Point[] {
  return faultsOf(suite, calls, childCalls).map(fault => ({ name: nameOf(scenario, fault), scenario, fault }))
}

/** Errors come once, or stay, as a full disk does. */
function faultsOf(suite: Suite, calls: number, childCalls: number): readonly Fault[] {
  switch (suite) {
    case 'kill':
      return [...each(calls, at => ({ at, what: 'kill' })), ...each(childCalls, at => ({ at, what: 'kill-child' }))]
    case 'power':
      return each(calls + 1, at => ({ at, what: 'shutdown' }))
    case 'errno':
      return errnos.flatMap(what => [
        ...each(calls, at => ({ at, what })),
        ...each(calls, at => ({ at, what, on: true })),
      ])
  }
}

function each(count: number, fault: (at: number) => Fault): readonly Fault[] {
  return Array.from({ length: count }, (_, n) => fault(n + 1))
}

function nameOf({ name }: Scenario, { at, what, on }: Fault): string {
  return [name, at, what, ...(on ? ['on'] : [])].join('/')
}
