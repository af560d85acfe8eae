/**
 * How the cost of a pull grows with entries, bytes and layers: images made on the spot, served from loopback.
 *
 * usage: node build/bench/growth.bench.js [--only entries|bytes|layers] [--scratch DIR] [--davit COMMAND]
 *
 * Prints seconds, CPU seconds and peak memory of pulling, and seconds of removing the image with all that it took. The
 * largest takes 20 GB of DIR.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { repository } from '../test/support/repository.ts'
import { type Layer, layerOfBytes, layerOfEntries, serveLayers } from './support/generated.ts'
import { measure } from './support/measure.ts'
import { table } from './support/statistics.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    scratch: { type: 'string', default: '/tmp/davit-bench' },
    davit: { type: 'string', default: `${process.execPath} ${join(repository, 'dist/bin/main.js')}` },
  },
})

const images: Readonly<Record<string, () => readonly (readonly [name: string, make: () => readonly Layer[]])[]>> = {
  entries: () => [1e3, 1e4, 1e5, 1e6].map(count => [`${count} entries`, () => [layerOfEntries(count)]]),
  bytes: () => [100, 1000, 10_000].map(count => [`${count} MB`, () => [layerOfBytes(count * 1e6)]]),
  layers: () =>
    [1, 10, 100, 500].map(count => [
      `${count} layers`,
      () => Array.from({ length: count }, (_, at) => layerOfEntries(20, `layer${at}`)),
    ]),
}

const root = join(values.scratch, 'growth')
const davit = `${values.davit} --root ${root}`
for (const [what, list] of Object.entries(images)) {
  if (values.only !== undefined && values.only !== what) continue
  const rows: string[][] = []
  for (const [name, make] of list()) {
    const served = await serveLayers(make())
    rmSync(root, { recursive: true, force: true })
    const pulled = await measure(`${davit} pull --progress quiet --snapshotter erofs ${served.reference} > /dev/null`)
    served.close()
    const removed = await measure(`sh -c '${davit} images rm ${served.reference} && ${davit} gc' > /dev/null`)
    const { seconds, cpuSeconds, peakMiB } = pulled
    rows.push([name, ...[seconds, cpuSeconds, removed.seconds].map(time => time.toFixed(2)), peakMiB.toFixed(0)])
    console.error(rows.at(-1)?.join('  '))
  }
  console.log(table([['', 'seconds', 'CPU s', 'removal s', 'peak MiB'], ...rows]))
}
rmSync(root, { recursive: true, force: true })
