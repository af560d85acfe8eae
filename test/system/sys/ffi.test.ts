import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeScratch } from '../../conformance/scratch.ts'

test('without koffi, the first system call says so, and what to do', () => {
  const without = join(makeScratch('ffi'), 'without.cjs')
  writeFileSync(
    without,
    `const Module = require('node:module')
    const load = Module._load
    Module._load = (request, ...rest) => {
      if (request === 'koffi') throw new Error('no binary')
      return load(request, ...rest)
    }`,
  )
  const linux = new URL('../../../src/system/sys/linux.js', import.meta.url).href
  const code = `import('${linux}').then(() => console.log('loaded'), ({ code, message, hint }) => console.log(code, message, hint))`
  const { stdout } = spawnSync(process.execPath, ['--require', without, '-e', code], { encoding: 'utf8' })
  assert.match(stdout, /^UNSUPPORTED Cannot make system calls on .*: koffi can't be loaded npm ci installs it$/m)
})
