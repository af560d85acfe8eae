import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { commands } from '../../src/cli/commands/index.ts'
import { bash } from '../../src/cli/completion/bash.ts'
import { fish } from '../../src/cli/completion/fish.ts'
import { allWords } from '../../src/cli/completion/words.ts'
import { zsh } from '../../src/cli/completion/zsh.ts'

/** What bash offers after these words; the last one is being typed. */
async function offered(...words: string[]): Promise<string[]> {
  const line = ['davit', ...words].map(word => `'${word}'`).join(' ')
  const script = `${bash(await allWords())}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length}; _davit; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { encoding: 'utf8' })
  assert.equal(stderr, '')
  return stdout.split('\n').filter(word => word !== '')
}

test('bash completes commands, subcommands, flags and their choices', async () => {
  assert.deepEqual(await offered('pul'), ['pull'])
  assert.ok((await offered('')).includes('images'))
  assert.deepEqual(await offered('images', ''), ['ls', 'rm', 'tag', 'prune', '--root', '--debug'])
  assert.deepEqual(await offered('images', 'ls', '--j'), ['--json'])
  assert.deepEqual(await offered('--debug', 'pull', '--pla'), ['--platform', '--plain-http'])
  assert.deepEqual(await offered('pull', '--progress', 'p'), ['plain'])
  assert.deepEqual(await offered('completion', ''), ['bash', 'zsh', 'fish', '--root', '--debug'])
  assert.deepEqual(await offered('--root', ''), [])
})

test('the scripts parse', async () => {
  const words = await allWords()
  for (const [shell, script, flags] of [
    ['bash', bash(words), ['-n']],
    ['zsh', zsh(words), ['-n']],
    ['fish', fish(words), ['--no-execute']],
  ] as const) {
    const parsed = spawnSync(shell, flags, { input: script, encoding: 'utf8' })
    // zsh and fish aren't everywhere; their syntax is checked where they are.
    if (shell !== 'bash' && parsed.error !== undefined) continue
    assert.deepEqual([parsed.status, parsed.stderr], [0, ''], shell)
  }
})

test('each script knows every command', async () => {
  const words = await allWords()
  for (const { name } of commands) {
    assert.ok(bash(words).includes(`'${name}') words=`), name)
    assert.ok(zsh(words).includes(`'${name}') entries=`), name)
    assert.ok(fish(words).includes(`-a '${name.split(' ').at(-1)}'`), name)
  }
})
