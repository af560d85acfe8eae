// `node tools/bundle.js [DIR]`, the last step of the build: puts the command line into DIR (dist/bin), in few files.
//
// Most of the time of a short command is spent on finding and reading modules. Here they are joined: one file for the
// command line, one for its threads, one for its processes, each of which runs what it needs of it; and files for the
// packages that are large.
import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { builtinModules, createRequire } from 'node:module'
import { join } from 'node:path'
import { build } from 'esbuild'

const root = new URL('..', import.meta.url).pathname
const src = join(root, 'src')
const outdir = process.argv[2] ?? join(root, 'dist/bin')

/** With binaries of their own: they stay where npm has put them. */
const native = ['koffi', 'lmdb']

/** Packages that are large, and loaded by few commands: each of these modules of theirs becomes a file. */
const large = ['undici', 'undici/lib/core/connect.js', 'undici/lib/dispatcher/agent.js', 'tldts']

const taskModules = readdirSync(src, { recursive: true })
  .map(name => join(src, String(name)))
  .filter(path => path.endsWith('.ts') && tasksOf(path).length > 0)

/** CommonJS packages `require` Node's own modules, which a module of ours can't. */
const builtins = {
  name: 'builtins',
  /** @param {import('esbuild').PluginBuild} build */
  setup({ onResolve, onLoad }) {
    const names = new Set(builtinModules.flatMap(name => [name, `node:${name}`]))
    onResolve({ filter: /^[a-z0-9_:/]+$/ }, ({ kind, path }) =>
      kind === 'require-call' && names.has(path) ? { path, namespace: 'builtin' } : undefined,
    )
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }))
  },
}

/** Native packages are taken in their CommonJS form: one file, where the other has many. */
const natives = {
  name: 'natives',
  /** @param {import('esbuild').PluginBuild} build */
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^(${native.join('|')})$`) }, ({ path }) => ({ path, namespace: 'native' }))
    onLoad({ filter: /./, namespace: 'native' }, ({ path }) => {
      const names = Object.keys(createRequire(import.meta.url)(path)).filter(name => name !== 'default')
      return {
        contents: `
          import { createRequire } from 'node:module'
          const loaded = createRequire(import.meta.url)(${JSON.stringify(path)})
          export default loaded
          export const { ${names.join(', ')} } = loaded`,
      }
    })
  },
}

/** Leaves the large modules to files of their own. */
const packages = {
  name: 'packages',
  /** @param {import('esbuild').PluginBuild} build */
  setup({ onResolve }) {
    onResolve({ filter: new RegExp(`^(${large.join('|')})$`) }, ({ path, importer }) =>
      importer.startsWith(src) ? { path: `./${fileOf(path)}.js`, external: true } : undefined,
    )
  },
}

/** @satisfies {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  plugins: [packages, builtins, natives],
  logLevel: 'warning',
}

rmSync(outdir, { recursive: true, force: true })
await Promise.all([
  build({
    ...common,
    entryPoints: large.map(module => ({ in: module, out: fileOf(module) })),
    outdir,
    splitting: true,
    chunkNames: '[name]-[hash]',
    format: 'esm',
  }),
  // The calling thread runs tasks, too.
  build({
    ...common,
    ...joined('cli/main.ts', taskModules),
    outfile: join(outdir, 'main.js'),
    format: 'esm',
    banner: { js: '#!/usr/bin/env node' },
  }),
  build({
    ...common,
    ...joined('system/thread-main.ts', taskModules),
    outfile: join(outdir, 'thread-main.js'),
    format: 'esm',
  }),
  // As CommonJS, which Node reads at once.
  build({
    ...common,
    ...joined(
      'system/process-main.ts',
      taskModules.filter(path => ['rootfs', 'system'].some(room => path.startsWith(join(src, room)))),
    ),
    outfile: join(outdir, 'process-main.cjs'),
    format: 'cjs',
    banner: { js: "const ownUrl = require('node:url').pathToFileURL(__filename).href" },
    define: { 'import.meta.url': 'ownUrl' },
  }),
])
chmodSync(join(outdir, 'main.js'), 0o755)

/**
 * A program with tasks: a module of theirs runs when one of them is first asked for. They are named before `main` runs.
 * @param {string} main
 * @param {readonly string[]} modules
 * @returns {Pick<import('esbuild').BuildOptions, 'stdin' | 'plugins'>}
 */
function joined(main, modules) {
  const tasks = modules.flatMap(path => tasksOf(path).map(name => `${name}: () => require(${JSON.stringify(path)})`))
  const contents = `
    import { joinModules } from './system/serve-task.ts'
    joinModules({ ${tasks.join(', ')} })`
  const before = {
    name: 'tasks',
    /** @param {import('esbuild').PluginBuild} build */
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^tasks$/ }, ({ path }) => ({ path, namespace: 'tasks' }))
      onLoad({ filter: /./, namespace: 'tasks' }, () => ({ contents, resolveDir: src }))
    },
  }
  return {
    stdin: { contents: `import 'tasks'; import './${main}'`, resolveDir: src },
    plugins: [before, ...common.plugins],
  }
}

/** @param {string} module */
function fileOf(module) {
  return module.replace(/\.js$/, '').replaceAll('/', '-')
}

/**
 * The functions that tasks of a source file name.
 * @param {string} path
 */
function tasksOf(path) {
  return [...readFileSync(path, 'utf8').matchAll(/module: import\.meta\.url,\s+name: (\w+)\.name/g)].map(
    ([, name]) => name,
  )
}
