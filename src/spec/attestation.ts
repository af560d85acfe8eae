import type { Descriptor } from './descriptor.ts'

/**
 * True for an index entry that tells how an image was built: never a candidate for any platform.
 *
 * Source: BuildKit, "Image attestation storage".
 */
export function isAttestation({ platform, annotations }: Descriptor): boolean {
  if (annotations?.['vnd.docker.reference.type'] === 'attestation-manifest') return true
  return platform?.os === 'unknown' && platform.architecture === 'unknown'
}
