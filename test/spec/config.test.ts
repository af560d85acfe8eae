import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseConfig } from '../../src/spec/config.ts'
import { digestOf } from '../../src/spec/digest.ts'
import { encode, imageConfig, type Json, without } from './documents.ts'

const diffId = digestOf('diff')
const read = (changes: Json) => parseConfig(encode({ ...imageConfig, ...changes }))
const rootfs = (changes: Json): Json => ({ rootfs: { type: 'layers', diff_ids: [diffId], ...changes } })

const refused: Readonly<Record<string, readonly [Json, RegExp]>> = {
  'no operating system': [without(imageConfig, 'os'), /os is missing/],
  'an empty operating system': [{ ...imageConfig, os: '' }, /os is missing/],
  'a null operating system': [{ ...imageConfig, os: null }, /os is missing/],
  'no architecture': [without(imageConfig, 'architecture'), /architecture is missing/],
  'an empty architecture': [{ ...imageConfig, architecture: '' }, /architecture is missing/],
  'an operating system that is no text': [{ ...imageConfig, os: 1 }, /os is 1/],
  'features that are no list': [{ ...imageConfig, 'os.features': 'x' }, /os.features is "x"/],
  'no rootfs': [without(imageConfig, 'rootfs'), /rootfs is missing/],
  'a null rootfs': [{ ...imageConfig, rootfs: null }, /rootfs is null/],
  'a rootfs without a type': [{ ...imageConfig, rootfs: { diff_ids: [] } }, /rootfs.type is missing/],
  'a rootfs of another type': [{ ...imageConfig, ...rootfs({ type: 'layers+base' }) }, /rootfs.type is "layers\+base"/],
  'diff IDs that are no list': [{ ...imageConfig, ...rootfs({ diff_ids: diffId }) }, /diff_ids is "sha256/],
  'a diff ID that is no digest': [
    { ...imageConfig, ...rootfs({ diff_ids: [diffId, 'x'] }) },
    /diff_ids.1 is not a sha256/,
  ],
  'an empty diff ID': [{ ...imageConfig, ...rootfs({ diff_ids: [''] }) }, /diff_ids.0 is not a sha256/],
  'a null diff ID': [{ ...imageConfig, ...rootfs({ diff_ids: [null] }) }, /diff_ids.0 is not a sha256/],
  'a config that is a list': [{ ...imageConfig, config: 'x' }, /config is "x"/],
  'an environment that is no list': [{ ...imageConfig, config: { Env: { A: 'b' } } }, /config.Env is Object/],
  'a command of numbers': [{ ...imageConfig, config: { Cmd: [1] } }, /config.Cmd/],
  'labels that are a list of texts': [{ ...imageConfig, config: { Labels: 'x' } }, /config.Labels is "x"/],
  'a user that is a number': [{ ...imageConfig, config: { User: 0 } }, /config.User is 0/],
  'the empty config of artifacts': [{}, /rootfs is missing|os is missing/],
}

describe('parseConfig()', () => {
  test('reads what it needs', () => {
    assert.deepEqual(parseConfig(encode(imageConfig)), {
      platform: { os: 'linux', architecture: 'amd64' },
      diffIds: [diffId],
      config: { env: ['PATH=/bin'], cmd: ['sh'] },
      created: '2026-01-02T03:04:05Z',
    })
  })

  test('reads the whole platform', () => {
    const extras = { variant: 'v3', 'os.version': '10.0.20348.1', 'os.features': ['win32k'] }
    assert.deepEqual(read({ os: 'windows', ...extras }).platform, {
      os: 'windows',
      architecture: 'amd64',
      variant: 'v3',
      osVersion: '10.0.20348.1',
      osFeatures: ['win32k'],
    })
  })

  test('reads all of how to run it', () => {
    const config = {
      User: '1000:1000',
      Env: ['A=1', 'A=2'],
      Entrypoint: ['/init', '--'],
      Cmd: ['sh', '-c', 'x'],
      WorkingDir: '/srv',
      Labels: { maintainer: 'a', Maintainer: 'b' },
      StopSignal: 'SIGINT',
      ExposedPorts: { '80/tcp': {} },
      Volumes: { '/data': {} },
      ArgsEscaped: true,
    }
    assert.deepEqual(read({ config }).config, {
      user: '1000:1000',
      env: ['A=1', 'A=2'],
      entrypoint: ['/init', '--'],
      cmd: ['sh', '-c', 'x'],
      workingDir: '/srv',
      labels: { maintainer: 'a', Maintainer: 'b' },
      stopSignal: 'SIGINT',
      exposedPorts: ['80/tcp'],
      volumes: ['/data'],
    })
  })

  test('takes null and empty texts for absent, as Docker writes them', () => {
    const config = { User: '', Env: null, Entrypoint: null, Cmd: null, WorkingDir: '', Labels: null, StopSignal: null }
    assert.deepEqual(read({ config }).config, {})
    assert.deepEqual(read({ config: null }).config, {})
    const { created, platform } = read({ created: '', variant: '', 'os.version': null, 'os.features': null })
    assert.deepEqual([created, platform], [undefined, { os: 'linux', architecture: 'amd64' }])
  })

  test('reads an image without layers, in each of the ways that it is written', () => {
    for (const diffIds of [[], null, undefined]) assert.deepEqual(read(rootfs({ diff_ids: diffIds })).diffIds, [])
  })

  test('reads a command that is one text', () => {
    assert.deepEqual(read({ config: { Cmd: '/bin/sh', Entrypoint: 'x y' } }).config, {
      cmd: ['/bin/sh'],
      entrypoint: ['x y'],
    })
  })

  test('ignores history, containers and whatever else there is', () => {
    const extras = { history: [{ created_by: 'x' }, null], container: 'x', container_config: { Cmd: 5 }, comment: 1 }
    assert.deepEqual(read(extras), parseConfig(encode(imageConfig)))
  })

  for (const [name, [document, reason]] of Object.entries(refused)) {
    test(`refuses ${name}`, () => {
      assert.throws(() => parseConfig(encode(document)), {
        code: 'MALFORMED',
        message: reason,
        details: { what: 'config' },
      })
    })
  }

  test('refuses more than 1,000 diff IDs', () => {
    assert.equal(read(rootfs({ diff_ids: Array(1_000).fill(diffId) })).diffIds.length, 1_000)
    assert.throws(() => read(rootfs({ diff_ids: Array(1_001).fill(diffId) })), { code: 'LIMIT_EXCEEDED' })
  })

  test('refuses what is no JSON object', () => {
    for (const text of ['', '[]', 'null', '"x"', '\u0000']) {
      assert.throws(() => parseConfig(Buffer.from(text)), { code: 'MALFORMED' })
    }
  })
})
