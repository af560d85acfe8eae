import assert from 'node:assert/strict'
import { test } from 'node:test'
import { argumentUsage, flagName } from '../../src/cli/command.ts'
import { commands, groups } from '../../src/cli/commands/index.ts'
import { parseCommandLine, type RunLine } from '../../src/cli/program.ts'
import { hasCode } from '../../src/errors.ts'

async function typedBy(...words: string[]): Promise<RunLine> {
  const line = await parseCommandLine(words)
  assert.equal(line.kind, 'run')
  return line as RunLine
}

async function saidBy(...words: string[]): Promise<string> {
  const line = await parseCommandLine(words)
  assert.equal(line.kind, 'say')
  return line.kind === 'say' ? line.text : ''
}

test('parseCommandLine() fills arguments and flags by their declarations', async () => {
  const line = await typedBy(
    'pull',
    'alpine',
    'b',
    '--platform',
    'linux/arm64',
    '--platform=linux/amd64',
    '--plain-http',
  )
  assert.equal(line.name, 'pull')
  const { ref, platform, snapshotter, plainHttp, noFallback, allowHost, json } = line.typed
  assert.deepEqual(
    { ref, platform, snapshotter, plainHttp, noFallback, allowHost, json },
    {
      ref: ['alpine', 'b'],
      platform: ['linux/arm64', 'linux/amd64'],
      snapshotter: undefined,
      plainHttp: true,
      noFallback: false,
      allowHost: [],
      json: false,
    },
  )
})

test('parseCommandLine() takes global flags before and after the command', async () => {
  for (const words of [
    ['--root', '/x', 'images', 'ls'],
    ['images', 'ls', '--root', '/x'],
    ['images', '--root=/x', 'ls'],
  ]) {
    const line = await typedBy(...words)
    assert.deepEqual([line.name, line.root, line.debug], ['images ls', '/x', false])
  }
  assert.equal((await typedBy('version', '--debug')).debug, true)
})

test('parseCommandLine() takes what follows -- as words', async () => {
  assert.deepEqual((await typedBy('snapshots', 'rm', '--', '--odd')).typed['key'], ['--odd'])
})

test('parseCommandLine() refuses what it does not know, and says where help is', async () => {
  const table: readonly (readonly [words: string, message: RegExp, hint: string])[] = [
    ['nosuch', /unknown command 'nosuch'/, 'see davit --help'],
    ['pul x', /Did you mean pull/, 'see davit --help'],
    ['images nosuch', /unknown command 'nosuch'/, 'see davit images --help'],
    ['pull', /missing required argument 'REF'/, 'see davit pull --help'],
    ['--root /r pull', /missing required argument 'REF'/, 'see davit pull --help'],
    ['pull a --nosuch', /unknown option '--nosuch'/, 'see davit pull --help'],
    ['pull a --platform', /'--platform <OS\/ARCH\[\/VARIANT\]>' argument missing/, 'see davit pull --help'],
    ['pull a --pull sometimes', /Allowed choices are always, missing, never/, 'see davit pull --help'],
    ['pull a --snapshotter zfs', /Allowed choices are/, 'see davit pull --help'],
    ['digest a b', /too many arguments/, 'see davit digest --help'],
    ['completion tcsh', /Allowed choices are bash, zsh, fish/, 'see davit completion --help'],
    ['--nosuch', /unknown option '--nosuch'/, 'see davit --help'],
  ]
  for (const [words, message, hint] of table) {
    await assert.rejects(parseCommandLine(words.split(' ')), error => {
      assert.ok(hasCode(error, 'INVALID_ARGUMENT'), words)
      assert.match(error.message, message)
      assert.doesNotMatch(error.message, /\n|\.$/)
      assert.equal(error.hint, hint)
      return true
    })
  }
})

test('help of davit names every command and group', async () => {
  const text = await saidBy('--help')
  for (const { name, summary } of commands) {
    if (!name.includes(' ')) assert.ok(text.includes(`  ${name}`) && text.replace(/\s+/g, ' ').includes(summary), name)
  }
  for (const group of Object.keys(groups)) assert.ok(text.includes(`  ${group} `))
  assert.equal(await saidBy('help'), text)
})

for (const { name, summary, load } of commands) {
  test(`help of ${name} shows its arguments and flags`, async () => {
    const command = await load()
    const text = (await saidBy(...name.split(' '), '--help')).replace(/\s+/g, ' ')
    const usage = Object.entries(command.arguments).map(([word, argument]) => ` ${argumentUsage(word, argument)}`)
    assert.ok(text.startsWith(`Usage: davit ${name} [FLAGS]${usage.join('')} ${summary}.`), text)
    for (const [key, { summary: flagSummary }] of Object.entries(command.flags)) {
      assert.ok(text.includes(flagName(key)) && text.includes(flagSummary), key)
    }
    assert.equal((await saidBy('help', ...name.split(' '))).replace(/\s+/g, ' '), text)
  })
}

test('a command line without a command is answered with help, as a mistake', async () => {
  for (const words of [[], ['images']]) {
    const line = await parseCommandLine(words)
    assert.ok(line.kind === 'say' && line.isMistake)
  }
})
