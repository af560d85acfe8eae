import { ImageError } from '../../errors.ts'
import { once } from '../once.ts'

export const noOpenat2 = 'no openat2(2), which Linux has since 5.6: links are kept out by opening name by name'

export const noDevices = 'device files are left out: no privilege to make them'

/**
 * Takes what an image loses here: to be said, once each, or to be refused.
 *
 * Errors of what it answers: UNSUPPORTED, if it is strict.
 */
export function tellLosses(isStrict: boolean, say: (loss: string) => void): (loss: string) => void {
  return isStrict ? refuse : once(say)
}

function refuse(loss: string): never {
  const line = `Cannot write the image as it is: ${loss}`
  throw new ImageError('UNSUPPORTED', line, { what: loss }, { hint: 'without --strict it is written all the same' })
}
