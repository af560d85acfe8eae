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
  .filter(path => path.endsWith('.ts') && readFileSync(path, 'utf8').includes('module: import.meta.url'))

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

rmSync(outdir, { recursive: true, force: true })
await build({
  // All in one directory: `thread-main.js` and `process-main.js` lie beside whatever chunk starts them.
  entryPoints: [
    join(src, 'cli/main.ts'),
    join(src, 'system/thread-main.ts'),
    join(src, 'system/process-main.ts'),
    ...taskModules,
  ].map(path => ({
    in: path,
    out: basename(path, '.ts'),
  })),
  outdir,
  bundle: true,
  splitting: true,
  chunkNames: '[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  plugins: [builtins, natives],
  logLevel: 'warning',
})
