// `npm start [-- COMMAND…]`: builds what changed, then runs the command line; the demo when no command is given.
import { spawnSync } from 'node:child_process'

const root = new URL('..', import.meta.url).pathname
const build = spawnSync(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`],
  { stdio: 'inherit' },
)
if (build.status !== 0) process.exit(build.status ?? 1)
const words = process.argv.slice(2)
const run = spawnSync(process.execPath, [`${root}dist/cli/main.js`, ...(words.length > 0 ? words : ['demo'])], {
  stdio: 'inherit',
})
process.exit(run.status ?? 1)
