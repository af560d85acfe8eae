import { ImageError } from '../../errors.ts'
import { maxComponentBytes, maxDepth } from '../../layer/path.ts'

const slash = 0x2f
const dot = 0x2e

/** Of a link's target, where `..` is a step like any other: it goes up from where the steps before it led. */
export function stepsOf(target: Buffer): Buffer[] {
  const steps: Buffer[] = []
  for (let start = 0; start <= target.length; ) {
    const next = target.indexOf(slash, start)
    const end = next < 0 ? target.length : next
    const isHere = end === start + 1 && target[start] === dot
    if (end > start && !isHere) steps.push(target.subarray(start, end))
    start = end + 1
  }
  return steps
}

/** `..`, which only a link's target can have. */
export function isUp(step: Buffer): boolean {
  return step.length === 2 && step[0] === dot && step[1] === dot
}

/** A link's target may lead to more than a path may say: longer names, and deeper. */
export function checkPlace(depth: number, name: Buffer): void {
  if (depth > maxDepth) throw tooMuch('depth of a directory', maxDepth, depth)
  if (name.length > maxComponentBytes) throw tooMuch('bytes of a name', maxComponentBytes, name.length)
}

function tooMuch(limit: string, max: number, actual: number): ImageError {
  const line = `Cannot apply the layer: ${limit} ${actual} is above ${max}`
  return new ImageError('LIMIT_EXCEEDED', line, { limit, max, actual })
}

export function circle(path: readonly Buffer[], maxLinks: number): ImageError {
  const name = path.map(String).join('/')
  return new ImageError('MALFORMED', `Cannot apply the layer: more than ${maxLinks} links on the way to ${name}`, {
    what: 'symlink',
  })
}
