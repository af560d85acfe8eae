// Runs the compiled tests under build/test with node:test, on any Node: `node tools/test.js [DIR|FILE…] [--flags]`.
// Node 20 knows no globs, and `--test DIR` differs between versions: files are named here.
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
const words = process.argv.slice(2)
const flags = words.filter(word => word.startsWith('-'))
const named = words.filter(word => !word.startsWith('-'))
const wanted =
  named.length > 0
    ? named
    : ['spec', 'registry', 'store', 'layer', 'rootfs', 'pull', 'progress', 'system', 'cli', 'repo']

const files = wanted.flatMap(name =>
  testFiles(join(root, 'build/test', name.replace(/^(build\/)?test\//, '').replace(/\.ts$/, '.js'))),
)
if (files.length === 0) {
  console.error('no test files found: run `npm run types` first')
  process.exit(1)
}
const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...flags, ...files], {
  stdio: 'inherit',
  cwd: root,
})
process.exit(run.status ?? 1)

/** @param {string} path @returns {string[]} */
function testFiles(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return []
  if (stat.isFile()) return [path]
  return readdirSync(path, { recursive: true })
    .map(String)
    .filter(name => name.endsWith('.test.js'))
    .sort()
    .map(name => join(path, name))
}
