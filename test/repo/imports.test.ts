import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { test } from 'node:test'
import { repository } from '../support/repository.ts'

/** Rooms by level: imports point downwards only. Files beside the rooms count as the room of their name. */
const levels: readonly (readonly string[])[] = [
  ['errors', 'spec', 'system'],
  ['registry', 'store', 'layer', 'progress'],
  ['rootfs'],
  ['pull', 'bundle'],
  ['archive', 'copy'],
  ['index', 'cli', 'parts', 'defaults', 'davit', 'version'],
]

/** Across a level only types, and only from the file that holds the interface. */
const interfaces = new Set([
  'registry/registry.ts',
  'store/content/store.ts',
  'store/images.ts',
  'store/leases.ts',
  'store/blob-mapping.ts',
  'progress/events.ts',
  'progress/renderer.ts',
  'layer/compression/compression.ts',
  'layer/tar/entry.ts',
])

/** Rooms that compute and never touch the machine. */
const pure = [/^spec\//, /^layer\/tar\//, /^layer\/merge/, /^rootfs\/erofs\/(?!snapshotter)/, /^store\/gc\/mark\.ts$/]
const machine = new Set([
  'fs',
  'fs/promises',
  'net',
  'http',
  'https',
  'child_process',
  'worker_threads',
  'undici',
  'koffi',
  'lmdb',
])

interface Import {
  readonly from: string
  /** Path below src, or a package or `node:` name. */
  readonly to: string
  readonly typeOnly: boolean
  /** By `import()`, when it is needed: a table of loaders may lead back to whoever reads the table. */
  readonly lazy: boolean
}

const src = join(repository, 'src')
const files = readdirSync(src, { recursive: true })
  .map(String)
  .filter(name => name.endsWith('.ts'))
const imports = files.flatMap(file => importsOf(file))

test('imports point downwards only', () => {
  const wrong = imports
    .filter(({ to }) => files.includes(to))
    .filter(pointsUp)
    .map(chain)
  assert.deepEqual(wrong, [])
})

test('no module imports itself through others', () => {
  const graph = new Map<string, string[]>()
  for (const { from, to, typeOnly, lazy } of imports)
    if (!typeOnly && !lazy) graph.set(from, [...(graph.get(from) ?? []), to])
  for (const start of graph.keys()) {
    const cycle = pathBetween(graph, start, start)
    assert.equal(cycle, undefined, cycle?.join(' → '))
  }
})

test('pure rooms import nothing that does I/O', () => {
  const wrong = imports.filter(
    ({ from, to }) => pure.some(room => room.test(from)) && machine.has(to.replace(/^node:/, '')),
  )
  assert.deepEqual(wrong.map(chain), [])
})

test('only system/sys imports koffi', () => {
  const wrong = imports.filter(({ from, to }) => to === 'koffi' && !from.startsWith('system/sys/'))
  assert.deepEqual(wrong.map(chain), [])
})

test('only cli and defaults read argv, the environment and the terminal', () => {
  const others = files.filter(file => !file.startsWith('cli/') && file !== 'defaults.ts')
  assert.deepEqual(
    others.filter(file => /process\.(env|argv|stdin|stdout|stderr|exit\b)/.test(codeOf(file))),
    [],
  )
})

test('only the store knows where blobs are', () => {
  const others = files.filter(file => !file.startsWith('store/'))
  assert.deepEqual(
    others.filter(file => /\.blobs?\((digest|algorithm|diffId)/.test(codeOf(file))),
    [],
  )
})

/** The text of a source file without its block comments. */
function codeOf(file: string): string {
  return readFileSync(join(src, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
}

function importsOf(file: string): Import[] {
  const text = codeOf(file)
  const place = (to: string) => (to.startsWith('.') ? relative(src, resolve(dirname(join(src, file)), to)) : to)
  const early = [...text.matchAll(/^(?:import|export) (type )?(?:([^'"]*?) from )?['"]([^'"]+)['"]/gm)]
  const late = [...text.matchAll(/import\(['"]([^'"]+)['"]\)/g)]
  return [
    ...early.map(([, type = '', names = '', to = '']) => {
      const typeOnly = type !== '' || /^\{(\s*type \w+,?)+\s*\}$/.test(names.trim())
      return { from: file, to: place(to), typeOnly, lazy: false }
    }),
    ...late.map(([, to = '']) => ({ from: file, to: place(to), typeOnly: false, lazy: true })),
  ]
}

function levelOf(file: string): number {
  const room = file.includes('/') ? file.slice(0, file.indexOf('/')) : file.replace(/\.ts$/, '')
  const level = levels.findIndex(rooms => rooms.includes(room))
  assert.notEqual(level, -1, `src/${file} is in no room`)
  return level
}

function pointsUp({ from, to, typeOnly }: Import): boolean {
  const [above, below] = [levelOf(from), levelOf(to)]
  if (above > below) return false
  const [room, other] = [from.split('/')[0], to.split('/')[0]]
  // The lowest and the highest level are one floor each; a room is free within itself.
  if (above === below && (room === other || above === 0 || above === levels.length - 1)) return false
  return !(above === below && typeOnly && interfaces.has(to))
}

function pathBetween(graph: ReadonlyMap<string, string[]>, start: string, goal: string): string[] | undefined {
  const queue = (graph.get(start) ?? []).map(next => [start, next])
  const seen = new Set<string>()
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const at = path.at(-1) ?? ''
    if (at === goal) return path
    if (seen.has(at)) continue
    seen.add(at)
    queue.push(...(graph.get(at) ?? []).map(next => [...path, next]))
  }
  return undefined
}

function chain({ from, to, typeOnly }: Import): string {
  return `src/${from} ${typeOnly ? 'imports type' : 'imports'} ${to}`
}
