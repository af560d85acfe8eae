import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { asRoot, makeScratch } from '../conformance/scratch.ts'
import { davit } from './davit.ts'

const scratch = makeScratch('cli-demo')
chmodSync(scratch, 0o755)

for (const [who, uid] of [
  ['whoever runs the tests', undefined],
  ['an ordinary user', 65534],
] as const) {
  test(`demo works for ${who}, and leaves nothing`, {
    skip: uid !== undefined && !asRoot && 'only root can be others',
  }, async () => {
    const temporary = `${scratch}/tmp-${uid ?? 'own'}`
    mkdirSync(temporary)
    chmodSync(temporary, 0o1777)
    const { status, stdout, stderr } = await davit(['demo'], {
      root: `${scratch}/root`,
      env: { TMPDIR: temporary },
      ...(uid === undefined ? {} : { uid }),
    })
    assert.equal(status, 0, stderr)
    assert.match(stdout, /127\.0\.0\.1:\d+\/davit\/sample:latest@sha256:[0-9a-f]{64}\n/)
    assert.match(stdout, /^-rwsr-xr-x .* su$/m)
    assert.match(stdout, /^lrwxrwxrwx .* hi -> hello$/m)
    assert.match(stdout, / platform$/m)
    assert.doesNotMatch(stdout, /motd/)
    assert.match(stdout, /^ {2}davit pull alpine$/m)
    assert.match(stderr, /: fetching 3 layers, /)
    assert.deepEqual(readdirSync(temporary), [])
  })
}
