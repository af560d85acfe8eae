import * as v from 'valibot'
import { ImageMeter, type Quotas } from '../../layer/quota.ts'
import { measureTar } from '../../pull/measure-tar.ts'
import type { Digest } from '../../spec/digest.ts'
import { limited } from '../../spec/document.ts'
import { malformed, parseJson } from '../../spec/json.ts'
import { mediaTypes } from '../../spec/media-types.ts'
import { parseSchema1 } from '../../spec/schema1.ts'
import { configFromSchema1, type LayerFacts, manifestFromSchema1 } from '../../spec/schema1-image.ts'
import { validate } from '../../spec/validate.ts'
import { fetchFrom, MadeDocuments } from './blobs.ts'
import { downloadRange } from './file-range.ts'
import { type Files, readDocument } from './files.ts'
import { wholeName } from './names.ts'
import type { Images, SourceImage } from './source.ts'

/** The list of names in an archive that has no other list. */
export const REPOSITORIES = 'repositories'

/** As many as an index may list. */
const maxImages = 1_000
/** As many as other manifests may have. */
const maxLayers = 1_000

const idSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'is not an image ID'))
const repositoriesSchema = v.record(v.string(), v.record(v.string(), idSchema))
const stepSchema = v.object({ id: idSchema, parent: v.nullish(v.union([v.literal(''), idSchema])) })

export interface OldDockerOptions {
  readonly quotas?: Partial<Quotas> | undefined
  readonly signal: AbortSignal
}

/** A directory of the archive: one step of an image. */
interface Step {
  readonly id: string
  /** Its config, as it was written. */
  readonly text: string
}

/**
 * The images of an archive as `docker save` wrote it before Docker 1.10: a directory a layer, each with a config that names
 * its parent, and a list of names. A manifest of schema 1 says the same of an image, so one is made, and converted as those
 * are: the same archive gives the same image.
 *
 * Errors: NOT_FOUND, MALFORMED, LIMIT_EXCEEDED for what is no such archive.
 * Source: Docker, "Image Specification v1.0", "Combined Image JSON + Filesystem Changeset Format".
 */
export async function readOldDockerArchive(files: Files, { quotas, signal }: OldDockerOptions): Promise<Images> {
  const names = parseJson(await readDocument(files, REPOSITORIES), REPOSITORIES)
  const named = Object.entries(validate(repositoriesSchema, names, REPOSITORIES)).flatMap(([repository, tags]) =>
    Object.entries(tags).map(([tag, id]) => ({ name: `${repository}:${tag}`, id })),
  )
  const made = new MadeDocuments()
  const meter = new ImageMeter(quotas)
  const facts = new Map<string, LayerFacts>()
  const places = new Map<Digest, string>()

  async function factsOf(id: string): Promise<LayerFacts> {
    const known = facts.get(id)
    if (known !== undefined) return known
    const place = `${id}/layer.tar`
    const range = await files.open(place)
    if (range === undefined) throw malformed(files.path, `it has no ${place}`)
    const options = { algorithm: 'sha256', allowance: meter.allowance() } as const
    const { digest, size, isEmpty } = await measureTar(downloadRange(range, { signal }), options, { signal })
    if (size !== range.size) throw malformed(files.path, `${place} is compressed`)
    meter.add({ bytes: size, entries: 0 })
    const found = { blob: { mediaType: mediaTypes.ociLayer, digest, size }, diffId: digest, isEmpty }
    facts.set(id, found)
    places.set(digest, place)
    return found
  }

  async function descriptorOf(id: string) {
    const steps = await stepsOf(files, id)
    const layers = new Map<Digest, LayerFacts>()
    const blobs: Digest[] = []
    for (const step of steps) {
      const layer = await factsOf(step.id)
      layers.set(layer.blob.digest, layer)
      blobs.push(layer.blob.digest)
    }
    const image = parseSchema1(schema1Of(steps, blobs))
    const config = made.add(mediaTypes.ociConfig, configFromSchema1(image, layers))
    return made.add(mediaTypes.ociManifest, manifestFromSchema1(image, layers, config))
  }

  const images: SourceImage[] = []
  for (const { name, id } of limited(named, maxImages, 'images')) {
    images.push({ descriptor: await descriptorOf(id), reference: wholeName(name), tag: name })
  }
  return {
    images,
    fetcher: fetchFrom(files.path, made, async digest => {
      const place = places.get(digest)
      return place === undefined ? undefined : files.open(place)
    }),
  }
}

/** From the image down to its base. */
async function stepsOf(files: Files, top: string): Promise<readonly Step[]> {
  const steps = new Map<string, Step>()
  for (let id: string | undefined = top; id !== undefined; ) {
    if (steps.has(id)) throw malformed(files.path, `layer ${id} stands on itself`)
    const place: string = `${id}/json`
    const bytes = await readDocument(files, place)
    const step = validate(stepSchema, parseJson(bytes, place), place)
    if (step.id !== id) throw malformed(place, 'it is about another layer')
    steps.set(id, { id, text: Buffer.from(bytes).toString() })
    if (steps.size > maxLayers) limited([...steps], maxLayers, 'layers')
    id = step.parent || undefined
  }
  return [...steps.values()]
}

/** Docker ran on nothing else when it didn't write down the architecture. */
const firstArchitecture = 'amd64'

function schema1Of(steps: readonly Step[], blobs: readonly Digest[]): Uint8Array {
  const document = {
    schemaVersion: 1,
    architecture: firstArchitecture,
    fsLayers: blobs.map(blobSum => ({ blobSum })),
    history: steps.map(({ text }) => ({ v1Compatibility: text })),
  }
  return Buffer.from(JSON.stringify(document))
}
