import { ImageError } from '../../errors.ts'
import type { Source } from '../../registry/registry.ts'
import { formatReference } from '../../spec/reference.ts'
import type { Images, SourceImage } from './source.ts'

/**
 * Answers for every reference with this one image: what a pull under a name of one's choice takes.
 *
 * Errors of resolving: DIGEST_MISMATCH for a reference with another digest.
 */
export function resolverOf({ fetcher }: Images, { descriptor }: SourceImage): Source {
  return {
    isLocal: true,
    async resolve(reference) {
      const { digest: expected } = descriptor
      const { digest: actual = expected } = reference
      if (actual === expected) return { reference, descriptor }
      const message = `Cannot name ${expected} ${formatReference(reference)}: that has another digest`
      throw new ImageError('DIGEST_MISMATCH', message, { expected: actual, actual: expected })
    },
    fetcher: () => fetcher,
  }
}
