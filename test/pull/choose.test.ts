import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseManifest, platformsOf } from '../../src/pull/choose.ts'
import type { Descriptor } from '../../src/spec/descriptor.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { mediaTypes } from '../../src/spec/media-types.ts'
import { only } from '../../src/spec/platform-match.ts'
import { amd64, type BuiltImage, buildImage, buildIndex } from '../support/image.ts'

const arm64 = { os: 'linux', architecture: 'arm64' }
const riscv = { os: 'linux', architecture: 'riscv64' }
const choice = { wanted: amd64, matcher: only(amd64) }
const entry = (name: string, more: Partial<Descriptor> = {}): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(name),
  size: 1,
  ...more,
})
const unread = () => assert.fail('nothing need be read')

/** Of these images; `reads`: what was asked for. */
function readerOf(...images: readonly BuiltImage[]) {
  const reads: string[] = []
  return {
    reads,
    async read({ digest }: Descriptor): Promise<Uint8Array> {
      reads.push(digest)
      for (const { blobs } of images) {
        const bytes = blobs.get(digest)
        if (bytes !== undefined) return bytes
      }
      return assert.fail(`there is no ${digest}`)
    },
  }
}

const own = buildImage({ layers: [] })
const forArm = buildImage({ layers: [], platform: arm64 })
const artifact = buildImage({ layers: [], configType: mediaTypes.ociEmpty })

test('chooseManifest() prefers a match to an entry without platform, which it doesn’t read', async () => {
  const match = entry('match', { platform: amd64 })
  assert.equal(await chooseManifest([own.target, match], choice, unread), match)
})

test('chooseManifest() takes the first of equals that say their platform', async () => {
  const [first, second] = [entry('first', { platform: amd64 }), entry('second', { platform: amd64 })]
  assert.equal(await chooseManifest([first, second], choice, unread), first)
})

test('chooseManifest() takes an image as it is that is alone, whatever attestations are beside it', async () => {
  const attestation = entry('attestation', { platform: { os: 'unknown', architecture: 'unknown' } })
  assert.equal(await chooseManifest([attestation, forArm.target], choice, unread), forArm.target)
})

test('chooseManifest() asks configs what the entries are for that don’t say it, wherever they stand', async () => {
  for (const order of [
    [forArm, artifact, own],
    [own, forArm, artifact],
  ]) {
    const { read } = readerOf(...order)
    assert.equal(
      await chooseManifest(
        order.map(({ target }) => target),
        choice,
        read,
      ),
      own.target,
    )
  }
  const declared = entry('riscv', { platform: riscv })
  assert.equal(await chooseManifest([declared, own.target], choice, readerOf(own).read), own.target)
})

test('chooseManifest() looks into an index without a platform', async () => {
  const [inner, other] = [buildIndex([[own, amd64]]), buildIndex([[forArm, arm64]])]
  const { read } = readerOf(inner, other)
  assert.equal(await chooseManifest([other.target, inner.target], choice, read), inner.target)
})

test('chooseManifest() says what there is, attestations aside, when none is for it', async () => {
  const annotations = { 'vnd.docker.reference.type': 'attestation-manifest' }
  const images = [forArm.target, entry('attestation', { annotations }), entry('riscv', { platform: riscv })]
  await assert.rejects(chooseManifest(images, choice, readerOf(forArm).read), {
    code: 'NO_MATCHING_PLATFORM',
    details: { wanted: 'linux/amd64', available: ['linux/riscv64', 'linux/arm64'] },
  })
  await assert.rejects(chooseManifest([entry('attestation', { annotations })], choice, unread), {
    code: 'NO_MATCHING_PLATFORM',
  })
})

test('chooseManifest() refuses to guess between two that don’t say their platform', async () => {
  const other = buildImage({ layers: [Buffer.alloc(1024)] })
  const images = [own.target, other.target, forArm.target]
  await assert.rejects(chooseManifest(images, choice, readerOf(own, other, forArm).read), {
    code: 'INVALID_ARGUMENT',
    message: /linux\/amd64: 2 are for it/,
  })
  const twice = [own.target, own.target, forArm.target]
  assert.equal(await chooseManifest(twice, choice, readerOf(own, forArm).read), own.target)
})

test('chooseManifest() reads no more than 32 such entries', async () => {
  const many = Array.from({ length: 33 }, (_, at) => entry(String(at)))
  await assert.rejects(chooseManifest(many, choice, unread), { code: 'LIMIT_EXCEEDED' })
})

test('platformsOf() finds none for what is no image', async () => {
  assert.deepEqual(await platformsOf(artifact.target, readerOf(artifact).read), [])
  assert.deepEqual(await platformsOf(entry('text', { mediaType: 'text/plain' }), unread), [])
})
