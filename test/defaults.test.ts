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
  const empty = {
    DAVIT_ROOT: '',
    DOCKER_CONFIG: '',
    HOME: '',
    REGISTRY_AUTH_FILE: '',
    XDG_CONFIG_HOME: '',
    XDG_DATA_HOME: '',
    XDG_RUNTIME_DIR: '',
  }
  const { root, authFiles } = defaults(empty, 1000)
  assert.equal(root, '/.local/share/davit')
  assert.deepEqual(authFiles, [
    '/.docker/config.json',
    '/run/containers/1000/auth.json',
    '/.config/containers/auth.json',
  ])
})

test('defaults() looks for credentials where it is told to, then where Docker and podman keep them', () => {
  const env = {
    HOME: '/home/ada',
    DOCKER_CONFIG: '/docker',
    REGISTRY_AUTH_FILE: '/mine.json',
    XDG_CONFIG_HOME: '/config',
    XDG_RUNTIME_DIR: '/run/user/1000',
  }
  assert.deepEqual(defaults(env, 1000).authFiles, [
    '/mine.json',
    '/docker/config.json',
    '/run/user/1000/containers/auth.json',
    '/config/containers/auth.json',
  ])
})
