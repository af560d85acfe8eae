import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { beside, command } from '../support/command.ts'
import { buildImage } from '../support/image.ts'
import { startRegistry } from '../support/registry.ts'
import { repository } from '../support/repository.ts'
import { serveImage } from '../support/serve-image.ts'

const directory = join(repository, 'build/readme')
const root = mkdtempSync(join(tmpdir(), 'davit-readme-'))
after(() => {
  for (const made of [directory, root]) rmSync(made, { recursive: true, force: true })
})

test("README's library example compiles and runs", async () => {
  const [, example = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(repository, 'README.md'), 'utf8')) ?? []
  assert.match(example, /from 'davit'/)
  const image = buildImage({ layers: [], platform: { os: 'linux', architecture: 'arm64' } })
  const registry = await startRegistry()
  after(() => registry.close())
  serveImage(registry, image, 'latest')

  mkdirSync(directory, { recursive: true })
  const program = example.replace("'davit'", "'../../src/index.ts'").replace("'alpine'", `'${registry.host}/alpine'`)
  const options = {
    extends: '../../tsconfig.json',
    // A copy of its own: other tests load the modules in build/src meanwhile.
    compilerOptions: { rootDir: '../..', outDir: 'out', incremental: false, tsBuildInfoFile: null },
    files: ['example.ts', '../../src/system/thread-main.ts'],
  }
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(options))
  writeFileSync(join(directory, 'example.ts'), program)
  command(process.execPath, join(repository, 'node_modules/typescript/bin/tsc'), '-p', directory)
  const compiled = join(directory, 'out/build/readme/example.js')
  const { status, stdout, stderr } = await beside(process.execPath, [compiled], { ...process.env, DAVIT_ROOT: root })
  assert.equal(status, 0, stderr)
  assert.equal(stdout, `${image.target.digest} undefined\n`)
})
