import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { goToJail } from '../../src/system/jail.ts'
import { type Launch, openProcess } from '../../src/system/process.ts'
import { inNewUserNamespace } from '../../src/system/user-namespace.ts'
import { makeScratch, needsRoot } from '../conformance/scratch.ts'
import { type Found, look } from './jail-tasks.ts'

const base = makeScratch('jail')
let looks = 0

async function lookAround(jailed: boolean, launch?: Launch): Promise<Found> {
  const places = { target: join(base, `target${looks}`), below: join(base, `below${looks}`), file: join(base, 'file') }
  looks += 1
  for (const directory of [places.target, places.below]) mkdirSync(directory)
  writeFileSync(join(places.below, 'lower'), '')
  writeFileSync(places.file, 'bytes')
  const worker = await openProcess(launch)
  after(() => worker.close())
  if (jailed) await worker.run(goToJail, [look]).result
  return worker.run(look, places).result
}

const inside = {
  target: ['absolute', 'climbing', 'new'],
  'above the target': ['absolute', 'climbing', 'new'],
  'far above the target': ['absolute', 'climbing', 'new'],
  below: ['lower'],
  'above what is below': ['lower'],
  'a write below': 'EROFS',
  file: 'bytes',
  root: [],
  'a write to the root': 'EROFS',
  'target by its path': 'ENOENT',
  'through an absolute link': [],
  'through a climbing link': ['absolute', 'climbing', 'new'],
  'the process': 'ENOENT',
  'above its descriptors': [],
  'by openat': 'ENOENT',
}

test('a jail has nothing but what was opened from it', { skip: needsRoot }, async () => {
  assert.deepEqual(await lookAround(true), inside)
})

test('so has a jail in a user namespace', async () => {
  assert.deepEqual(await lookAround(true, inNewUserNamespace(undefined)), inside)
})

test('outside of a jail, the same code gets everywhere', { skip: needsRoot }, async () => {
  const found = await lookAround(false)
  const same = Object.entries(inside).filter(([way, there]) => isDeepStrictEqual(found[way], there))
  assert.deepEqual(
    same.map(([way]) => way),
    ['target', 'below', 'file'],
  )
})
