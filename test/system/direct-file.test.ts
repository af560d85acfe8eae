import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { alignedBuffer, DirectFile } from '../../src/system/direct-file.ts'
import { makeScratch } from '../conformance/scratch.ts'

const scratch = makeScratch('direct')

/** Pieces: lengths, and whether their memory is aligned. */
const streams: Readonly<Record<string, readonly (readonly [length: number, aligned: boolean])[]>> = {
  nothing: [],
  'a byte': [[1, false]],
  'aligned pieces': [
    [1 << 20, true],
    [1 << 20, true],
    [4096, true],
  ],
  'aligned pieces and an odd end': [
    [1 << 20, true],
    [70_000, true],
  ],
  'an odd piece first': [
    [70_000, true],
    [1 << 20, true],
    [1 << 20, false],
  ],
  'pieces from anywhere': [
    [300_000, false],
    [524_288, false],
    [511, false],
    [1_300_001, false],
    [1 << 20, true],
    [0, false],
    [5000, false],
  ],
}

for (const [name, shape] of Object.entries(streams)) {
  for (const start of [0, 4096, 5000]) {
    test(`DirectFile writes ${name} from byte ${start} on`, async () => {
      const path = join(scratch, `${name} ${start}`)
      const head = randomBytes(start)
      const fd = openSync(path, 'wx+')
      writeSync(fd, head)
      const file = new DirectFile({ fd, path }, start)
      const sent: Uint8Array[] = [head]
      for (const [length, aligned] of shape) {
        const bytes = aligned ? alignedBuffer(length) : Buffer.allocUnsafeSlow(length + 1).subarray(1)
        randomBytes(length).copy(bytes)
        sent.push(Uint8Array.from(bytes))
        await file.write(bytes)
        // Its memory is the caller's again.
        bytes.fill(0xff)
      }
      await file.end()
      closeSync(fd)
      assert.ok(readFileSync(path).equals(Buffer.concat(sent)))
    })
  }
}

test('DirectFile names the file on a full disk, also where it can only write through the cache', async () => {
  // Character devices can't be opened for direct writes.
  const path = '/dev/full'
  const fd = openSync(path, 'w')
  const file = new DirectFile({ fd, path }, 0)
  await assert.rejects(file.write(alignedBuffer(1 << 20)), { code: 'NO_SPACE', details: { path } })
  await file.close()
  closeSync(fd)
})

const onTmpfs = statfsSync(scratch).type === 0x01021994
const noCache = { skip: onTmpfs ? 'a tmpfs is all page cache' : false }
test('DirectFile leaves what it wrote out of the page cache', noCache, async () => {
  const path = join(scratch, 'uncached')
  const fd = openSync(path, 'wx+')
  const file = new DirectFile({ fd, path }, 0)
  await file.write(alignedBuffer(1 << 20))
  await file.end()
  closeSync(fd)
  const [resident] = execFileSync('fincore', ['--bytes', '--noheadings', '--output', 'RES', path], { encoding: 'utf8' })
    .trim()
    .split('\n')
  assert.equal(resident, '0')
})
