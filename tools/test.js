// Runs the compiled tests under build/test with node:test, on any Node: `node tools/test.js [DIR|FILE…] [--flags]`.
// Node 20 knows no globs, and `--test DIR` differs between versions: files are named here.
import { spawnSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'

const root = new URL('..', import.meta.url).pathname
const words = process.argv.slice(2)
const flags = words.filter(word => word.startsWith('-'))
const named = words.filter(word => !word.startsWith('-'))
const tests = join(root, 'build/test')
// The real tier asks for programs that a fresh machine hasn't, sweeps for time and disk; they are run by name.
const wanted = named.length > 0 ? named : readdirSync(tests).filter(name => name !== 'real' && name !== 'sweep')

const files = wanted.flatMap(name =>
  testFiles(join(tests, name.replace(/^(build\/)?test\//, '').replace(/\.ts$/, '.js'))),
)
if (files.length === 0) {
  console.error('no test files found: run `npm run types` first')
  process.exit(1)
}
// By default one core stays idle, which on two is half of them.
const concurrency = `--test-concurrency=${availableParallelism()}`
const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', concurrency, ...flags, ...files], {
  stdio: 'inherit',
  cwd: root,
})
process.exit(run.status ?? 1)

/** @param {string} path @returns {string[]} */
function testFiles(path) {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return []
  if (stat.isFile()) return path.endsWith('.test.js') ? [path] : []
  return readdirSync(path, { recursive: true })
    .map(String)
    .filter(name => name.endsWith('.test.js'))
    .sort()
    .map(name => join(path, name))
}
