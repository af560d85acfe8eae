import assert from 'node:assert/strict'
import { test } from 'node:test'
import { snapshotterFlag } from '../../src/cli/flags.ts'
import { snapshotterNames } from '../../src/rootfs/index.ts'

test('--snapshotter offers every snapshotter, and none', () => {
  assert.deepEqual([...snapshotterFlag.snapshotter.choices].sort(), [...snapshotterNames, 'none'].sort())
})
