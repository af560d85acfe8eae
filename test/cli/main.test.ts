import assert from 'node:assert/strict'
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url))

/** Says on stdout that the command waits for its stdin now. */
const announce = `data:text/javascript,${encodeURIComponent(
  "process.stdin.on('newListener', name => name === 'readable' && setImmediate(() => console.log('ready')))",
)}`

/** Makes the wait for stdin one that no signal ends. */
const stubborn = `data:text/javascript,${encodeURIComponent('process.stdin.destroy = () => process.stdin')}`

/** A command that waits for its stdin, for ever if need be. */
async function waiting(...imports: readonly string[]): Promise<ChildProcessWithoutNullStreams> {
  const words = ['pull', 'localhost:1/a', '--username', 'ada', '--password-stdin']
  const flags = [announce, ...imports].flatMap(url => ['--import', url])
  const child = spawn(process.execPath, [...flags, main, ...words])
  await once(child.stdout, 'data')
  return child
}

async function endOf(child: ChildProcessWithoutNullStreams): Promise<{ status: number | null; stderr: string }> {
  let stderr = ''
  child.stderr.on('data', text => {
    stderr += text
  })
  const [status] = await once(child, 'close')
  return { status, stderr }
}

for (const [signal, status, word] of [
  ['SIGINT', 130, 'interrupted'],
  ['SIGTERM', 143, 'terminated'],
] as const) {
  test(`main ends on ${signal} with ${status} and one line`, async () => {
    const child = await waiting()
    const end = endOf(child)
    child.kill(signal)
    assert.deepEqual(await end, { status, stderr: `davit: ${word}: run the same command to resume\n` })
  })
}

test('main ends at once when it is interrupted twice', { timeout: 60_000 }, async context => {
  const child = await waiting(stubborn)
  context.signal.addEventListener('abort', () => child.kill('SIGKILL'))
  const end = endOf(child)
  child.kill('SIGINT')
  await new Promise(resolve => setTimeout(resolve, 200))
  assert.equal(child.exitCode, null)
  child.kill('SIGINT')
  assert.deepEqual(await end, { status: 130, stderr: '' })
})

test('main prints the result and nothing else on stdout', () => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, 'version'], { encoding: 'utf8' })
  assert.deepEqual([status, stderr], [0, ''])
  assert.match(stdout, /^davit [\d.]+\n$/)
})

test('main is quiet when its reader is gone', () => {
  const script = `"${process.execPath}" "${main}" completion bash | head -c 1 >/dev/null; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
  assert.deepEqual([stdout, stderr], ['0\n', ''])
})

test('main exits with 9 when stdout is a full disk', () => {
  const full = openSync('/dev/full', 'w')
  const { stderr, status } = spawnSync(process.execPath, [main, 'version'], {
    stdio: ['ignore', full, 'pipe'],
    encoding: 'utf8',
  })
  closeSync(full)
  assert.equal(status, 9)
  assert.match(stderr, /^davit: Cannot write to stdout: no space left[^\n]+\n$/)
})

test('main loads what the command needs, and no more', () => {
  const trace = fileURLToPath(new URL('./trace-imports.js', import.meta.url))
  const { stderr } = spawnSync(process.execPath, ['--import', trace, main, 'images', 'ls', '--help'], {
    encoding: 'utf8',
  })
  const loaded = stderr.split('\n').filter(line => line.startsWith('import '))
  assert.ok(
    loaded.some(line => line.endsWith('/commands/images-ls.js')),
    stderr,
  )
  for (const none of [
    '/commands/pull.js',
    '/src/registry/',
    '/src/store/',
    '/src/rootfs/',
    '/src/pull/',
    'undici',
    'lmdb',
    'koffi',
  ]) {
    assert.deepEqual(
      loaded.filter(line => line.includes(none)),
      [],
    )
  }
})
