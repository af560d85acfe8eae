import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defaults } from '../src/defaults.ts'

test('defaults() keeps root’s store in /var/lib, and others’ under their data home', () => {
  assert.equal(defaults({ HOME: '/root' }, 0).root, '/var/lib/davit')
  assert.equal(defaults({ HOME: '/home/ada' }, 1000).root, '/home/ada/.local/share/davit')
  assert.equal(defaults({ HOME: '/home/ada', XDG_DATA_HOME: '/data' }, 1000).root, '/data/davit')
  assert.equal(defaults({ DAVIT_ROOT: '/srv/davit' }, 0).root, '/srv/davit')
})

test('defaults() takes what is empty for unset: an empty path would be the current directory', () => {
  const empty = { DAVIT_ROOT: '', DOCKER_CONFIG: '', HOME: '', XDG_DATA_HOME: '' }
  const { root, dockerConfig } = defaults(empty, 1000)
  assert.deepEqual([root, dockerConfig], ['/.local/share/davit', '/.docker/config.json'])
  assert.equal(defaults({ ...empty, DOCKER_CONFIG: '/etc/docker' }, 0).dockerConfig, '/etc/docker/config.json')
})
