import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { needsRoot } from '../../conformance/scratch.ts'
import { command } from '../../support/command.ts'
import type { Losses } from './worker-losses.ts'

const program = fileURLToPath(new URL('worker-losses.js', import.meta.url))
const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups']

function lossesWith(...words: readonly string[]): Losses {
  return JSON.parse(command(words[0] ?? '', ...words.slice(1), process.execPath, program))
}

test('openImageWorker() lacks nothing as root', { skip: needsRoot }, () => {
  assert.deepEqual(lossesWith('env'), [])
})

test('openImageWorker() goes without a jail where nothing may be mounted, and says so', { skip: needsRoot }, () => {
  const [loss, ...more] = lossesWith('setpriv', '--bounding-set=-sys_admin')
  assert.match(loss ?? '', /^no jail around what layers write, only checks of each name: EPERM/)
  assert.deepEqual(more, [])
})

test('openImageWorker() goes without other owners where a user has no ids to give', { skip: needsRoot }, () => {
  assert.deepEqual(lossesWith('setpriv', ...nobody), [
    'no other owners than this user: it has no ids in /etc/subuid and /etc/subgid',
  ])
})

test('openImageWorker() goes without a jail where there are no user namespaces', { skip: needsRoot }, async () => {
  // A namespace's own bound holds for what would be made in it.
  const forbid = 'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv "$@"'
  const steps = 'echo && read -r _ && exec "$@"'
  const words = ['-U', 'sh', '-c', steps, 'sh', 'sh', '-c', forbid, 'sh', ...nobody, process.execPath, program]
  const child = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  for (const file of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${file}`, '0 0 65536')
  child.stdin.end('\n')
  const [owners, jail, ...more] = JSON.parse(await text(child.stdout))
  assert.match(owners, /no other owners/)
  assert.match(jail, /^no jail around what layers write, .*unshare/)
  assert.deepEqual(more, [])
})
