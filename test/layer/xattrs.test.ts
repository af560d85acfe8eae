import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isLayerXattr, keepXattr } from '../../src/layer/xattrs.ts'

const kept = [
  'security.capability',
  'user.a',
  'user.overlay',
  'trusted.a',
  'system.posix_acl_access',
  'user.overlayfs.x',
]
const dropped = [
  'security.selinux',
  'security.ima',
  'security.evm',
  'system.nfs4_acl',
  'trusted.overlay.opaque',
  'trusted.overlay.redirect',
  'trusted.overlay.overlay.opaque',
  'user.overlay.opaque',
  'user.',
  'user',
  'capability',
  'com.apple.quarantine',
  '',
]

test('keepXattr() keeps what describes the file', () => {
  for (const name of kept) assert.equal(keepXattr(name), true, name)
})

test('keepXattr() drops what acts on the host or on an overlay', () => {
  for (const name of dropped) assert.equal(keepXattr(name), false, name)
})

test('isLayerXattr() drops forged owner records too, which extraction itself writes', () => {
  assert.equal(isLayerXattr('user.rootlesscontainers'), false)
  for (const name of kept) assert.equal(isLayerXattr(name), true, name)
  for (const name of dropped) assert.equal(isLayerXattr(name), false, name)
})
