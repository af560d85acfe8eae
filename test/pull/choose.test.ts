import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseManifest } from '../../src/pull/children.ts'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { only } from '../../src/spec/platform-match.ts'
import { amd64 } from '../support/image.ts'

const choice = { wanted: amd64, matcher: only(amd64) }
const entry = (name: string, more: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(name),
  size: 1,
  ...more,
})

test('chooseManifest() prefers a match to an entry without platform', () => {
  const match = entry('match', { platform: amd64 })
  assert.equal(chooseManifest([entry('any'), match], choice), match)
})

test('chooseManifest() takes the first of equals, and an entry without platform when nothing else is there', () => {
  const first = entry('first')
  assert.equal(chooseManifest([first, entry('second')], choice), first)
})

test('chooseManifest() passes attestations over, also those that name no platform', () => {
  const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' }
  assert.throws(() => chooseManifest([entry('attestation', { annotations })], choice), { code: 'NO_MATCHING_PLATFORM' })
})
