// `node tools/bundle.js [DIR]`, the last step of the build: puts the command line into DIR (dist/bin), in few files.
//
// Most of the time of a short command is spent on finding and reading modules. Here they are joined: one file for what
// every command needs, others for what only some need, loaded when they do.
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { builtinModules, createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { build } from 'esbuild'

const root = new URL('..', import.meta.url).pathname
const src = join(root, 'src')
const outdir = process.argv[2] ?? join(root, 'dist/bin')

/** With binaries of their own: they stay where npm has put them. */
const native = ['koffi', 'lmdb']

/** A thread finds a task by the URL of its module and the name of its function: entry points keep their exports. */
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

/** @satisfies {import('esbuild').BuildOptions} */
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  plugins: [builtins, natives],
  logLevel: 'warning',
}

rmSync(outdir, { recursive: true, force: true })
await build({
  ...common,
  // All in one directory: the main files of threads and processes lie beside whatever chunk starts them.
  entryPoints: [join(src, 'cli/main.ts'), join(src, 'system/thread-main.ts'), ...taskModules].map(path => ({
    in: path,
    out: basename(path, '.ts'),
  })),
  outdir,
  splitting: true,
  chunkNames: '[name]-[hash]',
  format: 'esm',
})

// A process shares nothing with the one that starts it: all that it may need in one file, which Node reads at once as
// CommonJS, each module run when one of its tasks is first asked for.
await build({
  ...common,
  stdin: { contents: processMain(), resolveDir: src },
  outfile: join(outdir, 'process-main.cjs'),
  format: 'cjs',
  banner: { js: "const ownUrl = require('node:url').pathToFileURL(__filename).href" },
  define: { 'import.meta.url': 'ownUrl' },
})

function processMain() {
  const rooms = ['rootfs', 'system'].map(room => join(src, room))
  const modules = taskModules
    .filter(path => rooms.some(room => path.startsWith(room)))
    .flatMap(path => tasksOf(path).map(name => `${name}: () => require(${JSON.stringify(path)})`))
  return `
    import { joinModules } from './system/serve-task.ts'
    import './system/process-main.ts'
    joinModules({ ${modules.join(', ')} })`
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
