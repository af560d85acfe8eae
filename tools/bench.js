// Runs the benches that tell how fast davit is, one after another: `npm run bench -- [REFERENCE …]`.
// With the name of an image in a registry on loopback, as root, davit is timed against the peers that are installed;
// bench/support/options.ts has the flags. Without one: what it makes its images for itself.
import { spawnSync } from 'node:child_process'

const root = new URL('..', import.meta.url).pathname
const words = process.argv.slice(2)
const benches = words.length > 0 ? ['peers', 'afterwards', 'stages'] : ['startup', 'erofs', 'growth']

for (const name of benches) {
  console.log(`\n# ${name}`)
  const run = spawnSync(process.execPath, [`${root}build/bench/${name}.bench.js`, ...words], { stdio: 'inherit' })
  if (run.status !== 0) process.exit(run.status ?? 1)
}
