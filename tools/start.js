// `npm start [-- COMMAND…]`: builds what changed, then runs the command line; the demo when no command is given.
import { spawnSync } from 'node:child_process'

const root = new URL('..', import.meta.url).pathname
const words = process.argv.slice(2)
node(`${root}node_modules/typescript/bin/tsc`, '-p', `${root}tsconfig.build.json`)
node(`${root}tools/bundle.js`)
node(`${root}dist/bin/main.js`, ...(words.length > 0 ? words : ['demo']))

/** @param {string[]} command */
function node(...command) {
  const { status } = spawnSync(process.execPath, command, { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
