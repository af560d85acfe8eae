/** Images at the ends of what is promised: pulled, mounted, checked. Needs root, and minutes. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { type Layer, layerOfEntries, serveLayers } from '../../bench/support/generated.ts'
import { measure } from '../../bench/support/measure.ts'
import { main } from '../cli/davit.ts'
import { makeScratch } from '../conformance/scratch.ts'
import { command } from '../support/command.ts'
import { checkImages } from './fsck.ts'
import { mountedFrom } from './mounted.ts'

/** Of the whole process, within the default quotas. */
const MAX_PEAK_MIB = 256
const scratch = makeScratch('sweep-scale')

const images: Readonly<Record<string, { readonly make: () => readonly Layer[]; readonly files: number }>> = {
  'a million entries': { make: () => [layerOfEntries(1_000_000)], files: 1_000_000 },
  '250 layers': { make: () => manyLayers(250), files: 250 * 20 },
  '500 layers': { make: () => manyLayers(500), files: 500 * 20 },
}

for (const [what, { make, files }] of Object.entries(images)) {
  test(`${what}: pulled in ${MAX_PEAK_MIB} MiB, and mounted whole`, async t => {
    const served = await serveLayers(make())
    const root = join(scratch, what.replaceAll(' ', '-'))
    const pull = `${process.execPath} ${main} --root ${root} pull --progress quiet --snapshotter erofs`
    try {
      const { seconds, peakMiB } = await measure(`${pull} ${served.reference}`)
      t.diagnostic(`${what}: ${seconds.toFixed(1)} s, peak ${peakMiB.toFixed(0)} MiB`)
      assert.equal(mountedFrom(root, served.reference, countFiles), files)
      checkImages(root, message => t.diagnostic(message))
      assert.ok(peakMiB <= MAX_PEAK_MIB, `${peakMiB.toFixed(0)} MiB`)
    } finally {
      served.close()
    }
  })
}

function countFiles(target: string): number {
  return Number(command('sh', '-c', `find ${target} -type f | wc -l`))
}

function manyLayers(count: number): readonly Layer[] {
  return Array.from({ length: count }, (_, at) => layerOfEntries(20, `layer${at}`))
}
